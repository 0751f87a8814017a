"""One ASGI middleware in front of everything: which paths exist, who may ask how often, and what a browser may do with the responses.

A mounted Gradio app has many endpoints that this chat does not use, some of which hand out files or fetch addresses; none of them is reached.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import math
import re
import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from ntqa.limits import RateLimit, forwarded_address
from ntqa.logins import Logins

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

MAX_BODY_BYTES = 64_000

# Everything that is reached from outside; all other paths answer 404. README lists the same.
OPEN_PATHS: tuple[tuple[str, frozenset[str]], ...] = (
    (r"/", frozenset({"GET", "HEAD"})),
    (r"/passage/[a-z0-9-]+/[a-z0-9-]+", frozenset({"GET", "HEAD"})),
    (r"/topics", frozenset({"GET", "HEAD"})),
    (r"/topic/[a-z0-9-]+", frozenset({"GET", "HEAD"})),
    (r"/evidence", frozenset({"GET", "HEAD"})),
    (r"/help", frozenset({"GET", "HEAD"})),
    (r"/page/ntqa\.(?:css|js)", frozenset({"GET", "HEAD"})),
    (r"/healthz", frozenset({"GET", "HEAD"})),
    (r"/metrics", frozenset({"GET", "HEAD"})),  # to programs of this machine only, unless the operator opens it
    (r"/api/ask", frozenset({"POST"})),
    (r"/favicon\.ico", frozenset({"GET", "HEAD"})),
    # what Gradio's page loads (its assets carry a hash in their names and may be kept by the browser), and the two calls of its queue
    (r"/assets/[\w./-]+", frozenset({"GET", "HEAD"})),
    (r"/static/[\w./-]+", frozenset({"GET", "HEAD"})),
    (r"/theme\.css", frozenset({"GET", "HEAD"})),
    (r"/gradio_api/queue/join", frozenset({"POST"})),
    (r"/gradio_api/queue/data", frozenset({"GET"})),
    (r"/gradio_api/heartbeat/[\w-]+", frozenset({"GET"})),
    (r"/gradio_api/startup-events", frozenset({"GET", "POST"})),
    (r"/gradio_api/(?:reset|cancel)", frozenset({"POST"})),
)
_OPEN = tuple((re.compile(pattern), methods) for pattern, methods in OPEN_PATHS)
# The fixed beginning of a path, for log and counts; the rest may say what is read.
_ROUTE = re.compile(r"/(?:api/\w+|gradio_api/[\w-]+(?:/(?:join|data))?|[\w.-]*)")

ASKING = ("/api/ask", "/gradio_api/queue/join")
NEVER_LIMITED = ("/help", "/healthz")  # who is in need is not told to wait
OTHERS_PER_MINUTE = 1200  # a page loads some fifty files
LOGINS_PER_MINUTE = 20  # attempts with a password that was not right before
_REASONS = {401: "login", 413: "size", 429: "rate", 503: "queue_full"}

_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "x-frame-options": "DENY",
}


def content_security_policy(nonce: str) -> str:
    """Nothing but this origin; inline scripts only with the nonce. Styles must stay inline: Gradio's components set style attributes."""
    return (
        f"default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'"
    )


@dataclass(frozen=True, slots=True)
class Rules:
    """What an operator may set."""

    root_path: str = ""  # the prefix under which readers see the site, "" or "/some/where"; requests come with it or without
    rate: float = 0.0  # questions a minute of one client; 0 is no limit
    trust_proxy: bool = False  # whether X-Forwarded-For names the client
    logins: Logins | None = None
    open_metrics: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    status: int
    text: str
    reason: str
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Shield:
    """ASGI middleware; see the module.

    `say` gives a text of messages.yaml; `observe` is told of each response: route, status, milliseconds, and why a request was refused.
    """

    def __init__(
        self,
        app: Any,
        rules: Rules | None = None,
        say: Callable[[str], str] = str,
        observe: Callable[[str, int, float, str], None] = lambda *_: None,
    ) -> None:
        self.app, self._say, self._observe = app, say, observe
        self._rules = rules or Rules()
        self._asks, self._others = RateLimit(self._rules.rate), RateLimit(OTHERS_PER_MINUTE if self._rules.rate else 0)
        self._guesses = RateLimit(LOGINS_PER_MINUTE)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        started = time.perf_counter()
        root = self._rules.root_path
        bare = bool(root) and scope["path"] == root
        scope = _without_prefix(scope, root)
        respond = _Responder(
            send,
            secrets.token_urlsafe(16),
            rewrite=scope["path"] == "/",
            keep=scope["path"].startswith("/assets/"),
            busy=self._say("page.busy") if scope["path"] in ASKING else "",
        )
        refusal = None
        try:
            if bare:  # relative links of the page need the slash
                query = b"?" + scope["query_string"] if scope.get("query_string") else b""
                await respond.plain(307, "", ((b"location", root.encode() + b"/" + query),))
                return
            refusal = await self._refusal(scope)
            if refusal:
                await respond.plain(refusal.status, refusal.text, refusal.headers)
                return
            # The address of the page is what the browser says it is; of forwarded headers only the scheme is needed, behind a proxy.
            dropped = {b"x-forwarded-host", *(() if self._rules.trust_proxy else (b"x-forwarded-proto",))}
            if scope["path"] == "/":  # the page is rewritten below and must come uncompressed
                dropped.add(b"accept-encoding")
            scope["headers"] = [(name, value) for name, value in scope["headers"] if name not in dropped]
            await self.app(scope, receive, respond.send)
        finally:
            open_path = refusal is None or refusal.status != 404
            route = _ROUTE.match(scope["path"]) if open_path else None
            reason = refusal.reason if refusal else _REASONS.get(respond.status, "")
            self._observe(route[0] if route else "other", respond.status, (time.perf_counter() - started) * 1000, reason)

    async def _refusal(self, scope: Message) -> Refusal | None:
        path, method = scope["path"], scope["method"]
        raw = scope.get("raw_path") or path.encode()
        if raw.split(b"?")[0].decode("latin-1") != path:  # percent tricks; no path of ours needs them
            return _NOT_FOUND
        methods = next((methods for pattern, methods in _OPEN if pattern.fullmatch(path)), None)
        if methods is None or ".." in path:
            return _NOT_FOUND
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if path == "/metrics" and not (self._rules.open_metrics or _is_local(scope, headers)):
            return _NOT_FOUND
        if method not in methods:
            return Refusal(405, "method not allowed", "method")
        client = self._client(scope, headers)
        if path not in NEVER_LIMITED:
            wait = (self._asks if path in ASKING else self._others).wait(client)
            if wait:
                return self._too_many(wait)
        if self._rules.logins and path != "/healthz":
            refusal = await self._login(self._rules.logins, headers.get("authorization", ""), client)
            if refusal:
                return refusal
        if method == "POST" and headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return Refusal(403, "requests from other sites are refused", "site")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
            return _told(413, self._say("page.too_large").replace("{limit}", f"{MAX_BODY_BYTES:,}"), "size")
        return None

    async def _login(self, logins: Logins, authorization: str, client: str) -> Refusal | None:
        if logins.known(authorization):
            return None
        if authorization:
            wait = self._guesses.wait(client)
            if wait:
                return self._too_many(wait)
            if await asyncio.to_thread(logins.check, authorization):
                return None
        return Refusal(
            401, "a user name and a password are needed", "login", ((b"www-authenticate", b'Basic realm="ntqa", charset="UTF-8"'),)
        )

    def _too_many(self, wait: float) -> Refusal:
        seconds = str(math.ceil(wait))
        return _told(429, self._say("page.too_many").replace("{seconds}", seconds), "rate", ((b"retry-after", seconds.encode()),))

    def _client(self, scope: Message, headers: dict[str, str]) -> str:
        peer = (scope.get("client") or ("",))[0]
        return (self._rules.trust_proxy and forwarded_address(headers.get("x-forwarded-for", ""))) or peer


_NOT_FOUND = Refusal(404, "not found", "path")


def _told(status: int, text: str, reason: str, headers: tuple[tuple[bytes, bytes], ...] = ()) -> Refusal:
    """A refusal whose words the chat shows to the reader: Gradio's page looks for them under "detail", programs under "error"."""
    return Refusal(status, json.dumps({"error": text, "detail": text}, ensure_ascii=False), reason, headers)


def _without_prefix(scope: Message, root: str) -> Message:
    """The request as if the site were at "/"; a proxy may have taken the prefix away or not."""
    scope = {**scope}
    if root and scope["path"].startswith(f"{root}/"):
        scope["path"] = scope["path"][len(root) :]
        raw = scope.get("raw_path") or b""
        if raw.startswith(root.encode() + b"/"):
            scope["raw_path"] = raw[len(root) :]
    return scope


def _is_local(scope: Message, headers: dict[str, str]) -> bool:
    """Whether a program of this machine asks for itself, and no proxy on behalf of others."""
    if any(name in headers for name in ("x-forwarded-for", "x-real-ip", "forwarded", "via")):
        return False
    try:
        return ipaddress.ip_address((scope.get("client") or ("",))[0]).is_loopback
    except ValueError:
        return False


class _Responder:
    """Adds headers to a response, and the nonce to the inline scripts of the page; says `busy`, where it is given, for a full queue."""

    def __init__(self, send: Send, nonce: str, rewrite: bool, keep: bool, busy: str = "") -> None:
        self._send, self._nonce, self._rewrite, self._keep, self._busy = send, nonce, rewrite, keep, busy
        self._said = False
        self._start: Message | None = None
        self._body = b""
        self.status = 500  # of the response; when none is sent, the server says 500

    async def plain(self, status: int, text: str, more: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        self.status, body = status, text.encode()
        kind = b"application/json" if text.startswith("{") else b"text/plain; charset=utf-8"
        headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), *more]
        await self._send({"type": "http.response.start", "status": status, "headers": self._headers(headers)})
        await self._send({"type": "http.response.body", "body": body})

    async def send(self, message: Message) -> None:
        if self._said:
            return
        if message["type"] == "http.response.start" and message["status"] == 503 and self._busy:
            self._said = True
            refusal = _told(503, self._busy, "queue_full", ((b"retry-after", b"60"),))
            await self.plain(refusal.status, refusal.text, refusal.headers)
            return
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": self._headers(message.get("headers", []), self._keep and message["status"] == 200)}
            if self._rewrite:
                self._start = message
                return
        elif message["type"] == "http.response.body" and self._start is not None:
            self._body += message.get("body", b"")
            if message.get("more_body"):
                return
            body = re.sub(rb"<script(?=[\s>])", b'<script nonce="' + self._nonce.encode() + b'"', self._body)
            body = re.sub(rb'<meta[^>]+(?:property|name)="(?:og|twitter):[^>]*>', b"", body)
            headers = [(name, value) for name, value in self._start["headers"] if name.lower() != b"content-length"]
            await self._send({**self._start, "headers": [*headers, (b"content-length", str(len(body)).encode())]})
            message = {"type": "http.response.body", "body": body}
        await self._send(message)

    def _headers(self, headers: list[tuple[bytes, bytes]], keep: bool = False) -> list[tuple[bytes, bytes]]:
        kept = [(name, value) for name, value in headers if not name.lower().startswith(b"access-control-")]
        present = {name.lower() for name, _ in kept}
        added = {**_HEADERS, "content-security-policy": content_security_policy(self._nonce)}
        if b"cache-control" not in present:
            added["cache-control"] = "public, max-age=31536000, immutable" if keep else "no-store"
        return [*kept, *((name.encode(), value.encode()) for name, value in added.items() if name.encode() not in present)]
