"""The middleware, called by hand: no server, no client, only messages."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from urllib.parse import unquote

import pytest

from ntqa.logins import Logins, hash_password
from ntqa.shield import LOGINS_PER_MINUTE, MAX_BODY_BYTES, OTHERS_PER_MINUTE, Rules, Shield, content_security_policy

PAGE = (
    b'<html><head><meta property="og:title" content="x"><meta name="twitter:card" content="y"><meta name="viewport" content="z">'
    b"<script>a()</script><script src=b></script></head><body>page</body></html>"
)


class App:
    """Answers everything with `chunks`, and remembers what reached it."""

    def __init__(self, *chunks: bytes, headers: tuple[tuple[bytes, bytes], ...] = (), status: int = 200) -> None:
        self.chunks, self.headers, self.status = chunks or (b"fine",), headers, status
        self.scopes: list[dict] = []

    async def __call__(self, scope, receive, send) -> None:
        self.scopes.append(scope)
        if scope["type"] == "lifespan":
            return
        await send({"type": "http.response.start", "status": self.status, "headers": list(self.headers)})
        for number, chunk in enumerate(self.chunks, 1):
            await send({"type": "http.response.body", "body": chunk, "more_body": number < len(self.chunks)})


class Response:
    def __init__(self, messages: list[dict]) -> None:
        self.messages = messages
        self.status = messages[0]["status"]
        self.header_list = [(name.decode(), value.decode()) for name, value in messages[0]["headers"]]
        self.headers = dict(self.header_list)
        self.body = b"".join(message["body"] for message in messages[1:])


TEXTS = {"page.busy": "too many ask", "page.too_many": "wait {seconds} s", "page.too_large": "too large: {limit}"}


def call(app: App, path: str = "/help", method: str = "GET", raw_path: bytes | None = None, **headers: str) -> Response:
    return send_to(Shield(app, say=TEXTS.__getitem__), path, method, raw_path, **headers)


def send_to(
    shield: Shield, path: str = "/help", method: str = "GET", raw_path: bytes | None = None, peer: str = "127.0.0.1", **headers: str
) -> Response:
    sent: list[dict] = []

    async def send(message) -> None:
        sent.append(message)

    async def receive() -> dict:
        return {"type": "http.request", "body": b"", "more_body": False}

    listed = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "path": path, "method": method, "headers": listed, "client": (peer, 4711)}
    if raw_path is not None:
        scope["raw_path"] = raw_path
    asyncio.run(shield(scope, receive, send))
    return Response(sent)


# --- what is open ---


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("HEAD", "/"),
        ("GET", "/help"),
        ("GET", "/healthz"),
        ("GET", "/passage/st-johns-wort/mood"),
        ("GET", "/topics"),
        ("GET", "/topic/5-htp"),
        ("HEAD", "/evidence"),
        ("GET", "/page/ntqa.css"),
        ("GET", "/page/ntqa.js"),
        ("POST", "/api/ask"),
        ("GET", "/assets/index-a1.js"),
        ("GET", "/static/fonts/a.woff2"),
        ("GET", "/theme.css"),
        ("POST", "/gradio_api/queue/join"),
        ("GET", "/gradio_api/queue/data"),
        ("GET", "/gradio_api/heartbeat/abc-1"),
    ],
)
def test_open(method: str, path: str):
    app = App()
    assert (call(app, path, method).status, len(app.scopes)) == (200, 1)


@pytest.mark.parametrize(
    "path",
    [
        "/docs",
        "/openapi.json",
        "/config",
        "/gradio_api/info",
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/upload",
        "/gradio_api/call/answer",
        "/gradio_api/run/answer",
        "/file=/etc/passwd",
        "/proxy=http://x",
        "/stream/1",
        "/monitoring",
        "/passage/ssri",
        "/passage/ssri/side-effects/more",
        "/passage/SSRI/side-effects",
        "/passage/../etc",
        "/assets/../secret",
        "/static/../../secret",
        "/page/ntqa.css.bak",
        "/page/other.css",
        "/help/",
        "//help",
        "/help\n",
        "",
    ],
)
def test_everything_else_is_not_found(path: str):
    app = App()
    response = call(app, path)
    assert (response.status, response.body, app.scopes) == (404, b"not found", [])


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/"), ("PUT", "/help"), ("GET", "/api/ask"), ("DELETE", "/api/ask"), ("POST", "/gradio_api/queue/data")]
)
def test_other_methods_are_refused(method: str, path: str):
    app = App()
    assert (call(app, path, method).status, app.scopes) == (405, [])


@pytest.mark.parametrize("raw", [b"/%68elp", b"/help%00", b"/assets/%2e%2e/x", b"/page/ntqa%2Ecss"])
def test_percent_tricks_are_not_found(raw: bytes):
    app = App()
    assert (call(app, unquote(raw.decode()), raw_path=raw).status, app.scopes) == (404, [])


def test_a_query_is_no_part_of_the_path():
    assert call(App(), "/help", raw_path=b"/help?x=%2e%2e").status == 200


def test_websockets_are_closed_and_lifespan_passes():
    app, sent = App(), []

    async def send(message) -> None:
        sent.append(message)

    asyncio.run(Shield(app)({"type": "websocket", "path": "/"}, None, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]
    asyncio.run(Shield(app)({"type": "lifespan"}, None, send))
    assert [scope["type"] for scope in app.scopes] == ["lifespan"]


# --- requests ---


@pytest.mark.parametrize(
    ("site", "status"), [("same-origin", 200), ("none", 200), ("cross-site", 403), ("same-site", 403), ("nonsense", 403), (None, 200)]
)
def test_posts_from_other_sites_are_refused(site: str | None, status: int):
    headers = {"sec_fetch_site": site} if site else {}
    assert call(App(), "/api/ask", "POST", **headers).status == status


def test_a_page_may_be_opened_from_another_site():
    assert call(App(), "/", sec_fetch_site="cross-site").status == 200


@pytest.mark.parametrize(
    ("length", "status"), [("0", 200), (str(MAX_BODY_BYTES), 200), (str(MAX_BODY_BYTES + 1), 413), ("-1", 413), ("many", 413)]
)
def test_size_of_a_request(length: str, status: int):
    response = call(App(), "/api/ask", "POST", content_length=length)
    assert response.status == status
    if status == 413:
        assert json.loads(response.body)["detail"] == "too large: 64,000"


def test_refusals_are_plain_text_with_all_headers():
    response = call(App(), "/nothing")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.headers["content-length"] == "9"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-frame-options"] == "DENY"


# --- responses ---


def test_headers_of_every_response():
    headers = call(App()).headers
    policy = headers.pop("content-security-policy")
    assert headers == {
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
        "x-frame-options": "DENY",
        "cache-control": "no-store",
    }
    assert policy == content_security_policy(re.search("nonce-([^']+)", policy).group(1))


def test_policy_allows_this_origin_only():
    directives = dict(part.strip().split(" ", 1) for part in content_security_policy("N").split(";"))
    assert directives["default-src"] == "'none'"
    assert directives["script-src"] == "'self' 'nonce-N'"
    assert directives["frame-ancestors"] == "'none'"
    assert not any("http" in value or "*" in value or "unsafe-eval" in value for value in directives.values())


def test_the_applications_own_headers_stay_but_never_cross_origin_ones():
    app = App(
        headers=((b"cache-control", b"max-age=60"), (b"Access-Control-Allow-Origin", b"*"), (b"access-control-allow-credentials", b"true"))
    )
    names = [name.lower() for name, _ in call(app).header_list]
    assert names.count("cache-control") == 1
    assert call(app).headers["cache-control"] == "max-age=60"
    assert not [name for name in names if name.startswith("access-control")]


def test_each_response_has_its_own_nonce():
    policies = {call(App()).headers["content-security-policy"] for _ in range(5)}
    assert len(policies) == 5


def test_scripts_of_the_page_get_the_nonce_of_its_policy():
    response = call(App(PAGE, headers=((b"content-length", str(len(PAGE)).encode()), (b"content-type", b"text/html"))), "/")
    nonce = re.search("nonce-([^']+)", response.headers["content-security-policy"]).group(1).encode()
    assert response.body == (
        b'<html><head><meta name="viewport" content="z"><script nonce="'
        + nonce
        + b'">a()</script><script nonce="'
        + nonce
        + b'" src=b></script>'
        b"</head><body>page</body></html>"
    )
    assert response.headers["content-length"] == str(len(response.body))
    assert [name for name, _ in response.header_list].count("content-length") == 1


def test_a_page_in_pieces_is_rewritten_as_one():
    response = call(App(b"<html><scr", b"ipt>a()</script>", b""), "/")
    assert re.fullmatch(rb'<html><script nonce="[\w-]+">a\(\)</script>', response.body)
    assert [message["type"] for message in response.messages] == ["http.response.start", "http.response.body"]


def test_words_that_only_begin_like_script_are_left_alone():
    assert call(App(b"<scripture>"), "/").body == b"<scripture>"


def test_other_paths_are_passed_on_unchanged():
    response = call(App(b"<script>", b"2"), "/help")
    assert (response.body, len(response.messages)) == (b"<script>2", 3)


def test_the_page_must_come_uncompressed():
    app = App()
    call(app, "/", accept_encoding="gzip", accept="text/html")
    call(app, "/help", accept_encoding="gzip")
    assert app.scopes[0]["headers"] == [(b"accept", b"text/html")]
    assert app.scopes[1]["headers"] == [(b"accept-encoding", b"gzip")]


def test_an_error_page_keeps_its_status():
    assert call(App(b"broken", status=500), "/").status == 500


# --- what an operator may set ---


def test_under_a_prefix_requests_come_with_it_or_without():
    app = App()
    shield = Shield(app, Rules(root_path="/about/brains"))
    for path in ("/help", "/about/brains/help", "/about/brains/"):
        assert send_to(shield, path, raw_path=path.encode()).status == 200
    assert [scope["path"] for scope in app.scopes] == ["/help", "/help", "/"]
    assert [scope["raw_path"] for scope in app.scopes] == [b"/help", b"/help", b"/"]
    for path in ("/about/brains/config", "/about/brains/about/brains/help", "/about/brainshelp", "/about/help", "/about/brains//help"):
        assert send_to(shield, path, raw_path=path.encode()).status == 404, path
    assert send_to(shield, "/about/brains/help", raw_path=b"/about/br%61ins/help").status == 404
    assert len(app.scopes) == 3


def test_the_bare_prefix_is_sent_on_to_the_page_with_its_slash():
    response = send_to(Shield(App(), Rules(root_path="/brains")), "/brains")
    assert (response.status, response.headers["location"]) == (307, "/brains/")


def test_forwarded_headers_do_not_reach_the_application():
    app = App()
    for trusted in (False, True):
        headers = {"x_forwarded_host": "evil.example", "x_forwarded_proto": "https", "accept": "text/html"}
        send_to(Shield(app, Rules(trust_proxy=trusted)), "/help", **headers)
    assert [sorted(name for name, _ in scope["headers"]) for scope in app.scopes] == [[b"accept"], [b"accept", b"x-forwarded-proto"]]


def asks(shield: Shield, **request: str) -> int:
    return send_to(shield, "/api/ask", "POST", **request).status


def test_questions_are_limited_for_each_client_and_other_requests_apart_from_them():
    shield = Shield(App(), Rules(rate=2), say=TEXTS.__getitem__)
    assert [asks(shield) for _ in range(2)] == [200, 200]
    response = send_to(shield, "/gradio_api/queue/join", "POST")
    assert (response.status, response.headers["retry-after"]) == (429, "30")
    assert json.loads(response.body) == {"error": "wait 30 s", "detail": "wait 30 s"}
    assert response.headers["content-type"] == "application/json"
    assert asks(shield, peer="192.0.2.9") == 200
    assert send_to(shield, "/").status == 200


@pytest.mark.parametrize("path", ["/api/ask", "/gradio_api/queue/join"])
def test_a_full_queue_is_said_in_the_words_of_the_corpus(path: str):
    async def full(scope, receive, send):
        await send({"type": "http.response.start", "status": 503, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": b'{"detail": "Queue is full."}'})

    response = send_to(Shield(full, say=TEXTS.__getitem__), path, "POST")
    assert (response.status, response.headers["retry-after"]) == (503, "60")
    assert json.loads(response.body) == {"error": "too many ask", "detail": "too many ask"}


def test_whoever_loads_too_much_still_reaches_help_and_health():
    shield = Shield(App(), Rules(rate=1), say=TEXTS.__getitem__)
    statuses = [send_to(shield, "/theme.css").status for _ in range(OTHERS_PER_MINUTE + 50)]
    assert statuses[:OTHERS_PER_MINUTE] == [200] * OTHERS_PER_MINUTE and statuses[-1] == 429
    assert [send_to(shield, path).status for path in ("/help", "/healthz")] == [200, 200]


def test_without_a_rate_nothing_is_limited():
    shield = Shield(App(), Rules(rate=0))
    assert {asks(shield) for _ in range(2000)} == {200}


@pytest.mark.parametrize(("trusted", "status"), [(True, 200), (False, 429)])
def test_the_proxys_word_counts_only_when_it_is_trusted(trusted: bool, status: int):
    shield = Shield(App(), Rules(rate=1, trust_proxy=trusted), say=TEXTS.__getitem__)
    assert asks(shield, x_forwarded_for="192.0.2.1") == 200
    assert asks(shield, x_forwarded_for="192.0.2.2") == status
    assert asks(shield, x_forwarded_for="192.0.2.9, 192.0.2.1") == 429  # the first entries are the client's own invention


@pytest.mark.parametrize(
    ("peer", "headers", "opened", "status"),
    [
        ("127.0.0.1", {}, False, 200),
        ("::1", {}, False, 200),
        ("192.0.2.1", {}, False, 404),
        ("127.0.0.1", {"x_forwarded_for": "192.0.2.1"}, False, 404),
        ("127.0.0.1", {"x_real_ip": "192.0.2.1"}, False, 404),
        ("", {}, False, 404),
        ("192.0.2.1", {}, True, 200),
    ],
)
def test_metrics_are_for_this_machine_unless_opened(peer: str, headers: dict[str, str], opened: bool, status: int):
    assert send_to(Shield(App(), Rules(open_metrics=opened)), "/metrics", peer=peer, **headers).status == status


@pytest.fixture
def private() -> Shield:
    return Shield(App(), Rules(logins=Logins({"ada": hash_password("secret", 4)})), say=TEXTS.__getitem__)


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_with_logins_everything_but_health_needs_one(private: Shield):
    for path in ("/", "/help", "/metrics", "/page/ntqa.css", "/gradio_api/queue/data"):
        response = send_to(private, path)
        assert (response.status, response.headers["www-authenticate"]) == (401, 'Basic realm="ntqa", charset="UTF-8"'), path
        assert send_to(private, path, authorization=basic("ada", "wrong")).status == 401
        assert send_to(private, path, authorization=basic("ada", "secret")).status == 200
    assert asks(private) == 401
    assert send_to(private, "/healthz").status == 200
    assert send_to(private, "/config").status == 404  # says nothing about whether there is a login


def test_passwords_cannot_be_guessed_without_end_and_a_right_one_is_no_guess(private: Shield):
    assert {send_to(private, authorization=basic("ada", "secret")).status for _ in range(LOGINS_PER_MINUTE + 5)} == {200}
    statuses = [send_to(private, authorization=basic("ada", f"guess {number}")).status for number in range(LOGINS_PER_MINUTE + 1)]
    assert statuses[0] == 401 and statuses[-1] == 429
    assert send_to(private, authorization=basic("ada", "secret")).status == 200
    assert send_to(private, authorization=basic("ada", "guess"), peer="192.0.2.1").status == 401


def test_each_response_is_observed_without_what_is_read():
    seen: list[tuple[str, int, str]] = []
    rules = Rules(rate=1, root_path="/brains")
    shield = Shield(App(), rules, say=TEXTS.__getitem__, observe=lambda route, status, ms, reason: seen.append((route, status, reason)))
    for method, path in (
        ("GET", "/brains/"),
        ("GET", "/passage/ssri/side-effects"),
        ("GET", "/secret/path"),
        ("GET", "/api/ask"),
        ("POST", "/api/ask"),
        ("POST", "/gradio_api/queue/join"),
        ("GET", "/gradio_api/heartbeat/session1"),
        ("GET", "/assets/index-a1.js"),
    ):
        send_to(shield, path, method)
    assert seen == [
        ("/", 200, ""),
        ("/passage", 200, ""),
        ("other", 404, "path"),
        ("/api/ask", 405, "method"),
        ("/api/ask", 200, ""),
        ("/gradio_api/queue/join", 429, "rate"),
        ("/gradio_api/heartbeat", 200, ""),
        ("/assets", 200, ""),
    ]


@pytest.mark.parametrize(("status", "reason"), [(503, "queue_full"), (413, "size"), (500, ""), (200, "")])
def test_what_the_application_refuses_is_observed_too(status: int, reason: str):
    seen: list[tuple[int, str]] = []
    send_to(Shield(App(status=status), observe=lambda route, status, ms, reason: seen.append((status, reason))), "/help")
    assert seen == [(status, reason)]


def test_a_failure_of_the_application_is_observed_and_raised():
    async def broken(scope, receive, send) -> None:
        raise RuntimeError("broken")

    seen: list[int] = []
    with pytest.raises(RuntimeError):
        send_to(Shield(broken, observe=lambda route, status, ms, reason: seen.append(status)))
    assert seen == [500]
