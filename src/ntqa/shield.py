"""One ASGI middleware in front of everything: which paths exist, what a browser may do with them, and how large a request may be.

A mounted Gradio app has many endpoints that this chat does not use, some of which hand out files or fetch addresses; none of them is reached.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

MAX_BODY_BYTES = 64_000

# Everything that is reached from outside; all other paths answer 404. README lists the same.
OPEN_PATHS: tuple[tuple[str, frozenset[str]], ...] = (
    (r"/", frozenset({"GET", "HEAD"})),
    (r"/passage/[a-z0-9-]+/[a-z0-9-]+", frozenset({"GET", "HEAD"})),
    (r"/help", frozenset({"GET", "HEAD"})),
    (r"/page/ntqa\.(?:css|js)", frozenset({"GET", "HEAD"})),
    (r"/healthz", frozenset({"GET", "HEAD"})),
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


class Shield:
    """ASGI middleware; see the module."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        nonce = secrets.token_urlsafe(16)
        respond = _Responder(send, nonce, rewrite=scope["path"] == "/", keep=scope["path"].startswith("/assets/"))
        refusal = self._refusal(scope)
        if refusal:
            await respond.plain(*refusal)
            return
        if scope["path"] == "/":  # the page is rewritten below and must come uncompressed
            scope["headers"] = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        await self.app(scope, receive, respond.send)

    def _refusal(self, scope: Message) -> tuple[int, str] | None:
        path, method = scope["path"], scope["method"]
        raw = scope.get("raw_path") or path.encode()
        if raw.split(b"?")[0].decode("latin-1") != path:  # percent tricks; no path of ours needs them
            return 404, "not found"
        methods = next((methods for pattern, methods in _OPEN if pattern.fullmatch(path)), None)
        if methods is None or ".." in path:
            return 404, "not found"
        if method not in methods:
            return 405, "method not allowed"
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if method == "POST" and headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return 403, "requests from other sites are refused"
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
            return 413, f"the request is larger than {MAX_BODY_BYTES:,} bytes; send a shorter message"
        return None


class _Responder:
    """Adds headers to a response, and the nonce to the inline scripts of the page."""

    def __init__(self, send: Send, nonce: str, rewrite: bool, keep: bool) -> None:
        self._send, self._nonce, self._rewrite, self._keep = send, nonce, rewrite, keep
        self._start: Message | None = None
        self._body = b""

    async def plain(self, status: int, text: str) -> None:
        body = text.encode()
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
        await self._send({"type": "http.response.start", "status": status, "headers": self._headers(headers)})
        await self._send({"type": "http.response.body", "body": body})

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
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
