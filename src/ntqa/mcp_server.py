"""The assistant as two tools of an MCP server on standard input and output: the same guard, cards and quotes, and no network port."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from ntqa import __version__
from ntqa.errors import InputError, NtqaError
from ntqa.render import passage_url, reply_record

if TYPE_CHECKING:
    from mcp.server import MCPServer

    from ntqa.assistant import Assistant

ASK = (
    "Answer a question about neurotransmitters and about what is said to balance them, by quoting curated passages whole. `messages` are the "
    "person's turns in their own words, oldest first. Show `message` and the quotes unchanged, with their evidence and sources; a refusal or a "
    "card with help lines is an answer too and is shown as it is."
)
PASSAGE = "One passage of the collection, whole, by its id such as `serotonin/what-it-does`, with its evidence, review date and sources."


def run(assistant: Assistant) -> None:
    """Serve until standard input ends; raises NtqaError when the `mcp` extra is not installed."""
    server(assistant).run()


def server(assistant: Assistant) -> MCPServer:
    """The server with its two tools; raises NtqaError when the `mcp` extra is not installed."""
    try:
        from mcp.server import MCPServer
        from mcp.server.mcpserver.exceptions import ToolError
    except ImportError:
        raise NtqaError('the MCP server needs a package that is not installed; run: pip install -c constraints.txt -e ".[mcp]"') from None

    made = MCPServer("ntqa", version=__version__)

    @made.tool(description=ASK, structured_output=True)
    async def ask(messages: list[str]) -> dict[str, Any]:
        started = time.perf_counter()
        try:
            reply = await asyncio.to_thread(assistant.reply, messages)
        except InputError as error:
            raise ToolError(str(error)) from None
        return reply_record(reply, assistant.corpus, None, (time.perf_counter() - started) * 1000)

    @made.tool(name="passage", description=PASSAGE, structured_output=True)
    async def passage_by_id(id: str) -> dict[str, Any]:
        found = assistant.corpus.passages.get(id)
        if found is None:
            raise ToolError(f"there is no passage {id!r}; ids are those of the quotes of `ask`")
        sources = (assistant.corpus.sources[source_id] for source_id in found.source_ids)
        return {
            "id": found.id,
            "title": found.title,
            "text": found.text,
            "evidence": found.evidence,
            "reviewed": found.reviewed.isoformat() if found.reviewed else None,
            "url": passage_url(found.id),
            "sources": [
                {"id": item.id, "title": item.title, "publisher": item.publisher, "year": item.year, "url": item.url} for item in sources
            ],
            "shown_with": list(found.shown_with),
            "counterpoint": list(found.counterpoint),
            "edition": assistant.edition.id,
        }

    return made
