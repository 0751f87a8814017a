"""The two tools, called as a client calls them: in process, and over standard input and output."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest
from fakes import export_fake

from ntqa import mcp_server
from ntqa.assistant import Assistant
from ntqa.config import Config
from ntqa.embedding import export_folder
from ntqa.errors import NtqaError

CALLS = (
    ("ask", {"messages": ["what are ssris?", "and their side effects?"]}),
    ("ask", {"messages": ["how much magnesium should i take"]}),
    ("ask", {"messages": ["i want to hurt myself"]}),
    ("passage", {"id": "ssri/side-effects"}),
    ("passage", {"id": "no/such"}),
    ("ask", {"messages": []}),
)


def call(target: object, *calls: tuple[str, dict]) -> list:
    """The tools of a server, and the results of calls; the target is a server object or a command."""
    mcp = pytest.importorskip("mcp", reason='the mcp extra is not installed; it comes with: pip install -e ".[dev]"')
    if isinstance(target, list):
        target = mcp.StdioServerParameters(command=target[0], args=target[1:], env=dict(os.environ))

    async def talk() -> list:
        async with mcp.Client(target) as client:
            return [(await client.list_tools()).tools, *[await client.call_tool(name, arguments) for name, arguments in calls]]

    return asyncio.run(asyncio.wait_for(talk(), 60))


def check(assistant: Assistant, results: list) -> None:
    tools, answer, refusal, crisis, passage, missing, empty = results
    assert [tool.name for tool in tools] == ["ask", "passage"]
    assert tools[0].input_schema["properties"]["messages"]["items"] == {"type": "string"}

    record = answer.structured_content
    assert (record["kind"], record["read_as"]) == ("answer", "SSRIs: and their side effects?")
    found = assistant.corpus.passages["ssri/side-effects"]
    assert [quote["text"] for quote in record["quotes"] if quote["passage"] == found.id] == [found.text]
    assert json.loads(answer.content[0].text) == record

    for result, kind in ((refusal, "refusal_dosing"), (crisis, "crisis")):
        record = result.structured_content
        assert (record["kind"], record["quotes"]) == (kind, [])
    assert refusal.structured_content["message"] == assistant.corpus.messages["card.refusal_dosing"]
    assert "000-988" in crisis.structured_content["message"]

    assert passage.structured_content["text"] == found.text
    assert [source["id"] for source in passage.structured_content["sources"]] == list(found.source_ids)
    assert missing.is_error and "there is no passage 'no/such'" in missing.content[0].text
    assert empty.is_error and "at least one text" in empty.content[0].text


def test_the_tools_in_process(mini: Assistant):
    pytest.importorskip("mcp", reason='the mcp extra is not installed; it comes with: pip install -e ".[dev]"')
    check(mini, call(mcp_server.server(mini), *CALLS))


def test_the_command_speaks_the_protocol(own_config: Config, mini: Assistant):
    export_fake(export_folder(own_config.index / "models", own_config.model))
    folders = ["--corpus", str(own_config.corpus), "--index", str(own_config.index), "--model", own_config.model]
    check(mini, call([sys.executable, "-m", "ntqa", "mcp", *folders], *CALLS))


def test_without_the_extra_it_says_what_to_install(mini: Assistant, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "mcp.server", None)
    with pytest.raises(NtqaError, match=r"pip install .*\[mcp\]"):
        mcp_server.run(mini)
    declared = (Path(__file__).resolve().parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    assert "\nmcp = [" in declared
