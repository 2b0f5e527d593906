"""What an agent says, as bytes and headers: in the words of each revision, and nothing that a client would add."""

from typing import Any

import httpx2

from taskward.mcp.revisions import CAPABILITIES, LEGACY, MODERN, VERSION
from tests.client import Client

NEWEST = MODERN[0]
EVERY_REVISION = [*MODERN, *LEGACY]
META = {VERSION: NEWEST, CAPABILITIES: {}, "io.modelcontextprotocol/clientInfo": {"name": "tests", "version": "1"}}
ACCEPT = {"Accept": "application/json, text/event-stream"}
INITIALIZE = {"protocolVersion": LEGACY[0], "capabilities": {}, "clientInfo": {"name": "tests", "version": "1"}}


def message(method: str, params: dict[str, Any] | None = None, message_id: Any = 1) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": message_id, "method": method, **({} if params is None else {"params": params})}


async def say(
    client: Client, method: str, params: dict[str, Any] | None = None, revision: str = NEWEST, /, **headers: str
) -> httpx2.Response:
    """Send a request as a client of a revision does."""
    said = {**ACCEPT, "MCP-Protocol-Version": revision}
    if revision in MODERN:
        params = {**(params or {}), "_meta": META}
        said["Mcp-Method"] = method
        if method == "tools/call":
            said["Mcp-Name"] = str(params["name"])
    return await client.post("/mcp", json=message(method, params), headers={**said, **headers})


async def call(client: Client, tool: str, revision: str = NEWEST, /, **arguments: Any) -> dict[str, Any]:
    """Call a tool, and return its result."""
    response = await say(client, "tools/call", {"name": tool, "arguments": arguments}, revision)
    assert response.status_code == 200, response.text
    result: dict[str, Any] = response.json()["result"]
    return result


async def answer(client: Client, tool: str, /, **arguments: Any) -> Any:
    """Call a tool that does what it is asked for, and return what it tells."""
    result = await call(client, tool, **arguments)
    assert not result.get("isError"), result
    return result["structuredContent"]


async def complaint(client: Client, tool: str, /, **arguments: Any) -> str:
    """Call a tool with wrong arguments, and return what it tells to write instead."""
    result = await call(client, tool, **arguments)
    assert result["isError"] is True
    (content,) = result["content"]
    return str(content["text"])
