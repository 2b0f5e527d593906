"""The methods of the protocol that a server with tools has, in both of its ages."""

from collections.abc import Awaitable, Callable
from typing import Any

import taskward
from taskward.mcp.messages import INVALID_PARAMS, METHOD_NOT_FOUND, Message, ProtocolError
from taskward.mcp.revisions import SUPPORTED, negotiated
from taskward.mcp.tools import INSTRUCTIONS, TOOLS, Tool, listed

SERVER = {"name": "taskward", "version": taskward.__version__}
CAPABILITIES: dict[str, Any] = {"tools": {}}
DAY = 86_400_000  # milliseconds
KEPT = {"ttlMs": DAY, "cacheScope": "public"}  # the same for everybody, until there is another version

Result = dict[str, Any]
CallTool = Callable[[Tool, dict[str, Any]], Awaitable[Result]]


async def result_of(message: Message, call_tool: CallTool, *, modern: bool) -> Result:
    """Return the result of a request; raise ProtocolError, and what `call_tool` raises."""
    if message.method == "tools/call":
        result = await call_tool(*_called(message.params))
    elif (method := (MODERN if modern else LEGACY).get(message.method)) is not None:
        result = method(message.params)
    else:
        raise ProtocolError(METHOD_NOT_FOUND, "There is no such method. There are tools, and nothing else.")
    if not modern:
        return result
    return {**result, "resultType": "complete", "_meta": {"io.modelcontextprotocol/serverInfo": SERVER}}


def _called(params: dict[str, Any]) -> tuple[Tool, dict[str, Any]]:
    """Return the tool that is called, and its arguments."""
    name, arguments = params.get("name"), params.get("arguments", {})
    if not isinstance(name, str) or name not in TOOLS:
        raise ProtocolError(INVALID_PARAMS, f"Unknown tool. There are {', '.join(TOOLS)}.")
    if not isinstance(arguments, dict):
        raise ProtocolError(INVALID_PARAMS, "'arguments' must be a JSON object.")
    return TOOLS[name], arguments


def _initialize(params: dict[str, Any]) -> Result:
    return {
        "protocolVersion": negotiated(params.get("protocolVersion")),
        "capabilities": CAPABILITIES,
        "serverInfo": SERVER,
        "instructions": INSTRUCTIONS,
    }


def _discover(_: dict[str, Any]) -> Result:
    return {
        "supportedVersions": list(SUPPORTED),
        "capabilities": CAPABILITIES,
        "instructions": INSTRUCTIONS,
        **KEPT,
    }


LEGACY: dict[str, Callable[[dict[str, Any]], Result]] = {
    "initialize": _initialize,
    "ping": lambda _: {},
    "tools/list": lambda _: {"tools": listed()},
}
MODERN: dict[str, Callable[[dict[str, Any]], Result]] = {
    "server/discover": _discover,
    "tools/list": lambda _: {"tools": listed(), **KEPT},
}
