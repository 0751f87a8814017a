// What Gradio's chat leaves open: names and announcements for screen readers, the reader's place and the focus after an answer,
// passages and help lines beside the chat, copying with citation. All words come from the page.
(() => {
  "use strict";
  const root = new URL(document.currentScript.src).pathname.replace(/\/page\/ntqa\.js$/, ""); // readers may see the site under a prefix
  const PAGES = /^\/(?:passage\/[^/]+\/[^/]+|topic\/[^/]+|topics|evidence|help)$/;
  const ONCE_SAID = 100; // milliseconds after which a screen reader has taken notice that the last announcement is gone
  const SHOWN = 3000; // milliseconds for which a button says what it did

  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const words = (element) => element?.textContent.replace(/\s+/g, " ").trim() ?? "";
  const text = (name) => document.querySelector(`meta[name="ntqa:${name}"]`)?.content ?? "";

  function make(tag, attributes, content = "") {
    const element = Object.assign(document.createElement(tag), { textContent: content });
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  }

  function toBox() {
    document.querySelector("#ntqa-box textarea")?.focus({ preventScroll: true });
  }

  // --- announcements ---

  const status = make("div", { id: "ntqa-status", role: "status", "aria-live": "polite" });
  let saying = 0;

  function announce(message) {
    clearTimeout(saying);
    status.textContent = ""; // so that the same words are said again
    saying = setTimeout(() => { status.textContent = message; }, ONCE_SAID);
  }

  // --- the conversation ---

  function tidy() {
    const names = { ".user [aria-label]": "asked", ".bot [aria-label]": "answer", ".examples": "examples", ".options": "" };
    for (const [part, name] of Object.entries(names))
      for (const element of all(`#ntqa-chat ${part}`)) {
        if (element.closest("button, a, .edit-textarea")) continue;
        const label = name ? text(name) : words(all("#ntqa-chat .related-label").at(-1)) || text("related");
        if (element.getAttribute("aria-label") !== label) element.setAttribute("aria-label", label);
        if (element.getAttribute("role") !== "group") element.setAttribute("role", "group");
      }
    for (const log of all("#ntqa-chat [role=log]")) // otherwise the whole answer is read out
      if (log.getAttribute("aria-live") !== "off") log.setAttribute("aria-live", "off");
    for (const context of all("#ntqa-chat .quote .context")) addCopy(context);
    for (const box of all("#ntqa-chat .edit-textarea:not([aria-label])")) startEdit(box);
  }

  // What an answer is, in a few words: the heading of its card or what it quotes, and the support line where there is one.
  function summary(reply) {
    const title = words(reply.querySelector(".quote-title"));
    const card = all(".card > p", reply).slice(0, reply.querySelector(".card-heading") ? 2 : 1);
    return [title && `${text("answer")}: ${title}`, ...card.map(words), words(reply.querySelector(".support"))].filter(Boolean).join(" ");
  }

  // A new answer is announced once, its question goes to the top, so that it is read from the beginning, and the focus returns to the text
  // box, but not where this would open a keyboard on the screen.
  let seen = []; // question and summary of each turn
  function follow() {
    const questions = all("#ntqa-chat .user-row"), replies = all("#ntqa-chat .reply");
    if (questions.length !== replies.length || document.querySelector("#ntqa-chat .edit-textarea")) return;
    const turns = questions.map((question, place) => `${words(question)}\n${summary(replies[place])}`);
    const last = turns.length - 1;
    const changed = turns.length !== seen.length || turns[last] !== seen[last];
    const answered = last >= 0 && turns[last] !== seen[last];
    seen = turns;
    if (!changed) return;
    if (answered) {
      announce(summary(replies[last]));
      questions[last].scrollIntoView({ block: "start" });
    }
    if (!matchMedia("(pointer: coarse)").matches) toBox();
  }

  let afresh = false; // whether the reader was told that the next question is read on its own
  function tellAfresh() {
    const note = document.querySelector(".fresh-done");
    if (Boolean(note) === afresh) return;
    afresh = Boolean(note);
    if (!note) return;
    announce(words(note));
    toBox();
  }

  // Gradio offers the source of a message, in which all marks are written as entities.
  function startEdit(box) {
    box.setAttribute("aria-label", text("edit"));
    box.value = box.value.replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)));
    box.dispatchEvent(new Event("input", { bubbles: true }));
    box.focus();
    box.addEventListener("keydown", (event) => {
      const [send, cancel] = all(".message-buttons button", box.closest(".user"));
      const button = event.key === "Escape" ? cancel : event.key === "Enter" && !event.shiftKey && !event.isComposing ? send : null;
      if (!button) return;
      event.preventDefault();
      button.click();
      if (button === cancel) toBox();
    });
  }

  // --- copying ---

  function addCopy(context) {
    if (context.querySelector(".copy")) return;
    const button = make("button", { type: "button", class: "copy" }, text("copy"));
    button.addEventListener("click", async () => {
      const done = text((await copied(citation(button.closest(".quote")), button)) ? "copied" : "copy_failed");
      button.textContent = done;
      announce(done);
      setTimeout(() => { button.textContent = text("copy"); }, SHOWN);
    });
    context.append(" ", button);
  }

  function citation(quote) {
    const evidence = quote.querySelector(".evidence"), note = words(evidence?.querySelector(".note"));
    const sources = all(".sources li", quote).map((item, place) => {
      const [title, detail] = [words(item).replace(words(item.querySelector(".note")), "").trim(), words(item.querySelector(".note"))];
      return `${place + 1}. ${[title, detail, item.querySelector("a")?.href].filter(Boolean).join(", ")}`;
    });
    const about = [evidence && `${words(evidence).replace(note, "").trim()} (${note})`, words(quote.querySelector(".reviewed"))];
    return [
      words(quote.querySelector(".quote-title") ?? pane.querySelector("h2")),
      all("blockquote p", quote).map(words).join("\n\n"),
      about.filter(Boolean).join("\n"),
      [words(quote.querySelector(".sources summary")).replace(/\s*\d+$/, ""), ...sources].join("\n"),
      quote.querySelector(".context a").href,
    ].filter(Boolean).join("\n\n");
  }

  // The clipboard of the browser is there only on https and on this machine itself.
  async function copied(content, button) {
    try {
      await navigator.clipboard.writeText(content);
      return true;
    } catch {
      const area = make("textarea", { class: "ntqa-aside", "aria-hidden": "true" });
      area.value = content;
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      button.focus();
      return done;
    }
  }

  // --- beside the chat ---

  // Each page that is opened is a step of the browser's history, so that its Back button, on a phone above all, goes back to the page
  // before and then to the chat.
  const pane = make("aside", { id: "ntqa-pane", role: "complementary", hidden: "" });
  let opener = null, wanted = 0;

  function open(link) {
    if (!pane.contains(link)) opener = link;
    const steps = pane.hidden ? 1 : (history.state?.ntqa?.steps ?? 0) + 1;
    history.pushState({ ntqa: { href: link.href, steps } }, "");
    show(link.href);
  }

  function moved() {
    if (history.state?.ntqa) show(history.state.ntqa.href);
    else if (!pane.hidden) hide();
  }

  function close() {
    const steps = history.state?.ntqa?.steps;
    if (steps) history.go(-steps);
    else hide();
  }

  async function show(href) {
    const mine = ++wanted, url = new URL(href);
    let main = null;
    try {
      const page = await (await fetch(url, { headers: { accept: "text/html" } })).text();
      main = new DOMParser().parseFromString(page, "text/html").querySelector("main");
    } catch { /* shown below */ }
    if (mine !== wanted) return; // something else was opened meanwhile, or the pane was closed
    const body = make("div", { class: "pane-body" });
    if (main) body.append(...document.importNode(main, true).childNodes);
    else body.append(make("h1", {}, text("pane_failed")));
    for (const [from, to] of [["h2", "h3"], ["h1", "h2"]]) // the chat has its own h1
      for (const heading of all(from, body)) {
        const lower = make(to, {});
        lower.append(...heading.childNodes);
        heading.replaceWith(lower);
      }
    for (const country of all("details.help-country", body)) country.open = false; // a list to choose from
    const bar = make("p", { class: "pane-bar context" });
    bar.append(make("a", { href: url.href, target: "_blank", rel: "noopener" }, text("permalink")));
    const closing = make("button", { type: "button", class: "close" }, text("close"));
    closing.addEventListener("click", close);
    bar.append(closing);
    pane.replaceChildren(bar, body);
    const article = body.querySelector("article.quote");
    if (article) {
      const context = make("p", { class: "context" });
      context.append(make("a", { href: url.href, hidden: "" }));
      article.append(context);
      addCopy(context);
    }
    pane.hidden = false;
    document.documentElement.classList.add("ntqa-reading");
    const heading = body.querySelector("h2");
    heading?.setAttribute("tabindex", "-1");
    heading?.focus({ preventScroll: true });
    pane.scrollTop = 0;
    body.querySelector("mark")?.scrollIntoView({ block: "nearest" });
  }

  function hide() {
    wanted += 1;
    pane.hidden = true;
    pane.replaceChildren();
    document.documentElement.classList.remove("ntqa-reading");
    // The chat may have written its messages anew since.
    const back = opener?.isConnected ? opener : all("#ntqa-chat a").find((link) => link.href === opener?.href);
    if (!back) return toBox();
    back.focus({ preventScroll: true }); // which would scroll to where the help link stood before the bar stuck
    const { top, bottom } = back.getBoundingClientRect();
    if (top < 0 || bottom > innerHeight) back.scrollIntoView({ block: "center" });
  }

  function clicked(event) {
    const link = event.target.closest?.("#ntqa-chat a, #ntqa-header a, #ntqa-pane .pane-body a");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const url = new URL(link.href);
    if (link.closest("nav")) return; // whole pages, too wide for the pane: in a tab of their own
    if (url.origin !== location.origin || !url.pathname.startsWith(root) || !PAGES.test(url.pathname.slice(root.length))) return;
    event.preventDefault();
    open(link);
  }

  function start() {
    pane.setAttribute("aria-label", text("pane"));
    document.body.append(status, pane);
    document.addEventListener("click", clicked);
    if (history.state?.ntqa) history.replaceState(null, ""); // the page was loaded anew, without a pane
    addEventListener("popstate", moved);
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !pane.hidden && !event.defaultPrevented && !event.isComposing) close();
    });
    // The guards on values keep the changes made here from calling for ever.
    new MutationObserver(() => { tidy(); follow(); tellAfresh(); }).observe(document.body, { childList: true, subtree: true });
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
