"""A mounted Gradio app has many endpoints; those that this chat does not use must not be reachable, however they are spelt."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from driving import REPOSITORY, Server

pytestmark = pytest.mark.e2e

SECRET = "the content of a file of the server"
NOT_FOUND = [
    "/gradio_api/file=/etc/hostname",
    "/gradio_api/file=https://example.org/",
    "/gradio_api/file/etc/hostname",
    "/file=/etc/hostname",
    "/file/etc/hostname",
    "/gradio_api/upload",
    "/gradio_api/upload_progress",
    "/upload",
    "/config",
    "/config/",
    "/info",
    "/gradio_api/info",
    "/gradio_api/openapi.json",
    "/openapi.json",
    "/docs",
    "/gradio_api/docs",
    "/gradio_api/run/predict",
    "/gradio_api/api/predict",
    "/gradio_api/call/answer",
    "/gradio_api/queue/status",
    "/gradio_api/runs",
    "/gradio_api/deep_link",
    "/gradio_api/component_server",
    "/gradio_api/custom_component/x/y/z",
    "/gradio_api/stream/x/0/0/playlist.m3u8",
    "/gradio_api/mcp/",
    "/gradio_api/proxy=https://example.org/",
    "/gradio_api/proxy=http://127.0.0.1/",
    "/proxy=https://example.org/",
    "/monitoring",
    "/monitoring/summary",
    "/gradio_api/monitoring",
    "/login",
    "/logout",
    "/token",
    "/robots.txt",
    "/manifest.json",
    "/.env",
    "/page/../web.py",
    "/page/ntqa.py",
    "/page/",
    "/static/../../../web.py",
    "/assets/..%2f..%2fweb.py",
    "/static/%2e%2e/%2e%2e/config",
    "//config",
    "/gradio_api//file=/etc/hostname",
    "//gradio_api/file=/etc/hostname",
    "/gradio_api/./upload",
    "/%67radio_api/file=/etc/hostname",
    "/gradio_api/file%3D/etc/hostname",
    "/gradio_api%2Ffile=/etc/hostname",
    "/gradio_api/queue%2Fjoin",
    "/GRADIO_API/file=/etc/hostname",
    "/Gradio_Api/Upload",
    "/CONFIG",
    "/gradio_api/queue/join/",
    "/gradio_api/queue/join;x",
    "/help/",
    "/topics/",
    "/topic/",
    "/topic/..%2fcorpus",
    "/topic/SSRI",
    "/evidence/x",
    "/help%00",
    "/healthz%0a",
    "/passage/serotonin/..%2f..%2fcorpus.yaml",
]


@pytest.mark.parametrize("path", NOT_FOUND)
def test_what_the_chat_does_not_need_is_not_found_by_any_method(server: Server, path: str) -> None:
    for method in ("GET", "POST", "HEAD", "PUT", "OPTIONS"):
        assert server.request(method, path).status == 404, method


@pytest.mark.parametrize(
    "method, path",
    [
        ("POST", "/"),
        ("PUT", "/"),
        ("GET", "/api/ask"),
        ("DELETE", "/api/ask"),
        ("OPTIONS", "/api/ask"),
        ("GET", "/gradio_api/queue/join"),
        ("TRACE", "/help"),
    ],
)
def test_what_is_needed_takes_only_the_method_that_is_needed(server: Server, method: str, path: str) -> None:
    assert server.request(method, path).status == 405


def test_an_upgrade_to_a_websocket_is_refused(server: Server) -> None:
    headers = {
        "connection": "Upgrade",
        "upgrade": "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    assert server.request("GET", "/gradio_api/queue/join", headers=headers).status in (403, 404, 405)


# --- files of the server as inputs -----------------------------------------------------------------------------------------


def queue(server: Server, function: int, data: list[Any], session: str, event_data: Any = None) -> list[dict[str, Any]]:
    """What Gradio's queue says to a client that sends `data` by hand."""
    joined = server.request(
        "POST", "/gradio_api/queue/join", {"data": data, "fn_index": function, "session_hash": session, "event_data": event_data}
    )
    assert joined.status == 200, joined.text
    events = server.request("GET", f"/gradio_api/queue/data?session_hash={session}").text
    return [json.loads(line.removeprefix("data: ")) for line in events.splitlines() if line.startswith("data: ")]


def functions(server: Server) -> dict[str, int]:
    """The chat's events by name and their numbers, read off the page."""
    page = server.request("GET", "/").text
    config, _ = json.JSONDecoder().raw_decode(page[page.index("window.gradio_config = ") + len("window.gradio_config = ") :])
    return {item["targets"][0][1]: item["id"] for item in config["dependencies"]}


@pytest.fixture
def secret(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "secret.txt"
    path.write_text(SECRET)
    yield path


def test_sent_by_hand_an_ordinary_question_is_answered(server: Server) -> None:
    done = queue(server, functions(server)["submit"], ["what does serotonin do?", None], "ordinary")[-2]
    assert (done["msg"], done["success"]) == ("process_completed", True)
    assert "Serotonin is a messenger" in done["output"]["data"][0][1]["content"][0]["text"]


@pytest.mark.parametrize("event", ["submit", "example_select", "option_select", "undo", "retry", "click"])
@pytest.mark.parametrize("shape", ["file", "stream", "url", "list", "message", "state"])
def test_a_file_of_the_server_as_input_is_not_read(server: Server, secret: Path, event: str, shape: str) -> None:
    file = {"path": str(secret), "meta": {"_type": "gradio.FileData"}, "orig_name": "x.txt"}
    value = {
        "file": file,
        "stream": {**file, "is_stream": True},
        "url": {**file, "url": f"file://{secret}"},
        "list": [file],
        "message": [{"role": "user", "content": {"file": file}}, {"role": "user", "content": [{"type": "file", "file": file}]}],
        "state": file,
    }[shape]
    names = functions(server)
    data = {"submit": [value, value], "click": []}.get(event, [value])
    events = queue(server, names[event], data, f"{event}{shape}", event_data={"index": 0, "value": value})
    told = json.dumps(events)
    assert SECRET not in told
    # At most the client's own words come back, in a refusal.
    assert "file=" not in told and str(secret) not in told.replace(f"File {secret} is not in the cache folder and cannot be accessed.", "")
    assert [path for path in server.folder.rglob("*") if path.is_file()] == []
    for path in (secret, REPOSITORY / "pyproject.toml"):
        assert server.request("GET", f"/gradio_api/file={path}").status == 404


def test_what_gradio_refuses_leaves_the_server_healthy(server: Server) -> None:
    for body in (
        b"",
        b"{",
        b"[]",
        b'{"data": [1]}',
        b'{"data": "x", "fn_index": 0, "session_hash": "a"}',
        b'{"data": [], "fn_index": 99, "session_hash": "b"}',
    ):
        assert server.request("POST", "/gradio_api/queue/join", body).status >= 400 or body.startswith(b'{"data": "x"')
    assert server.request("GET", "/healthz").json()["status"] == "ok"
    assert server.ask("what does serotonin do?")["kind"] == "answer"


# --- other sites, other names, large bodies --------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/api/ask", "/gradio_api/queue/join", "/gradio_api/reset", "/gradio_api/cancel"])
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_post_from_another_site_is_refused(server: Server, path: str, site: str) -> None:
    assert server.request("POST", path, {"messages": ["hello"]}, {"sec-fetch-site": site}).status == 403


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_a_post_from_this_site_is_taken(server: Server, site: str) -> None:
    assert server.request("POST", "/api/ask", {"messages": ["hello"]}, {"sec-fetch-site": site}).status == 200


@pytest.mark.parametrize(
    "path", ["/", "/api/ask", "/gradio_api/queue/join", "/healthz", "/help", "/theme.css", "/gradio_api/startup-events"]
)
def test_no_other_origin_is_allowed_to_read(server: Server, path: str) -> None:
    for origin in ("https://example.org", "http://127.0.0.1:1", "null"):
        for method in ("GET", "POST", "OPTIONS"):
            answer = server.request(method, path, None, {"origin": origin, "access-control-request-method": "POST"})
            assert [name for name in answer.headers if name.startswith("access-control-")] == [], (method, origin)


@pytest.mark.parametrize("host", ["example.org", "example.org:80", "127.0.0.1.example.org", "localhost.example.org", "169.254.169.254", ""])
def test_a_local_server_does_not_answer_to_another_name(server: Server, host: str) -> None:
    assert server.request("GET", "/healthz", headers={"host": host}).status == 400
    assert server.request("POST", "/api/ask", {"messages": ["hello"]}, {"host": host}).status == 400


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_local_server_answers_to_its_own_names(server: Server, host: str) -> None:
    assert server.request("GET", "/healthz", headers={"host": f"{host}:{server.port}"}).status == 200


@pytest.mark.parametrize("path", ["/api/ask", "/gradio_api/queue/join"])
def test_a_body_of_a_megabyte_is_refused(server: Server, path: str) -> None:
    body = json.dumps({"messages": ["a" * 1_000_000]}).encode()
    assert server.request("POST", path, body).status == 413
    chunks = (body[position : position + 16_384] for position in range(0, len(body), 16_384))
    assert server.request("POST", path, chunks, {"transfer-encoding": "chunked"}).status == 413
    assert server.request("GET", "/healthz").json()["status"] == "ok"


@pytest.mark.parametrize(
    "body, words",
    [
        (b"", "Expecting value"),
        (b"{", "Expecting"),
        (b"[]", "send an object"),
        (b"{}", "send an object"),
        (b'{"messages": []}', "at least one text"),
        (b'{"messages": "hello"}', "must be a list"),
        (b'{"messages": ["hello", 7]}', "message 2 is not text"),
        (b'{"messages": [{"path": "/etc/hostname"}]}', "message 1 is not text"),
        (b'{"messages": ["\xff"]}', "utf-8"),
        (b"[" * 30_000, ""),
    ],
)
def test_a_request_that_cannot_be_read_says_why(server: Server, body: bytes, words: str) -> None:
    answer = server.request("POST", "/api/ask", body)
    assert answer.status == 422
    assert words in answer.json()["error"]
    assert "Traceback" not in answer.text
