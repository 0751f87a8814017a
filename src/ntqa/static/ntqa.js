// What Gradio's chat leaves open: short names for screen readers instead of raw sources, the reader's place after an answer, the focus.
(() => {
  "use strict";
  const names = { ".user [aria-label]": "You asked", ".bot [aria-label]": "Answer", ".examples": "For example", ".options": "Related questions" };
  let asked = 0;

  function tidy() {
    for (const [part, name] of Object.entries(names))
      for (const element of document.querySelectorAll(`#ntqa-chat ${part}`)) {
        if (element.closest("button, a")) continue;
        if (element.getAttribute("aria-label") !== name) element.setAttribute("aria-label", name);
        if (element.getAttribute("role") !== "group") element.setAttribute("role", "group");
      }
  }

  // A new question goes to the top, so that its answer is read from the beginning, and the focus returns to the text box,
  // but not where this would open a keyboard on the screen.
  function follow() {
    const questions = document.querySelectorAll("#ntqa-chat .user-row");
    if (questions.length === asked || questions.length !== document.querySelectorAll("#ntqa-chat .reply").length) return;
    if (questions.length > asked) questions[questions.length - 1].scrollIntoView({ block: "start" });
    if (!matchMedia("(pointer: coarse)").matches) document.querySelector("#ntqa-box textarea")?.focus({ preventScroll: true });
    asked = questions.length;
  }

  function start() {
    // The guards on values keep the changes made here from calling for ever.
    new MutationObserver(() => { tidy(); follow(); }).observe(document.body, { childList: true, subtree: true });
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
