"""What is said before and around the tools, in every revision of the protocol."""

import base64
from typing import Any

import httpx2
import pytest

from taskward.mcp.revisions import CAPABILITIES, LEGACY, SUPPORTED, VERSION
from taskward.mcp.tools import INSTRUCTIONS, TOOLS
from taskward.settings import Settings
from tests.client import Client, connect
from tests.conftest import SECRET, started
from tests.mcp.agents import ACCEPT, EVERY_REVISION, INITIALIZE, META, NEWEST, call, message, say

pytestmark = pytest.mark.quick

FIND = {"name": "find_tasks", "arguments": {}}


async def post(client: Client, body: Any, **headers: str) -> httpx2.Response:
    return await client.post("/mcp", json=body, headers={**ACCEPT, **headers})


@pytest.mark.parametrize("revision", EVERY_REVISION)
async def test_every_revision_lists_and_calls_the_tools(alice: Client, revision: str) -> None:
    response = await say(alice, "tools/list", None, revision)
    assert response.headers["content-type"] == "application/json"
    assert [tool["name"] for tool in response.json()["result"]["tools"]] == list(TOOLS)
    assert (await call(alice, "add_tasks", revision, tasks=[{"title": "Buy milk"}]))["structuredContent"]["tasks"]
    assert (await call(alice, "find_tasks", revision))["structuredContent"]["count"] == 1


async def test_the_newest_revision_needs_no_handshake_and_tells_who_answers(alice: Client) -> None:
    result = (await say(alice, "server/discover")).json()["result"]
    assert result["supportedVersions"] == list(SUPPORTED)
    assert result["capabilities"] == {"tools": {}}
    assert result["instructions"] == INSTRUCTIONS
    for method, params in (("server/discover", None), ("tools/list", None), ("tools/call", FIND)):
        result = (await say(alice, method, params)).json()["result"]
        assert result["resultType"] == "complete"
        assert result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"] == "taskward"
        kept = {name for name in ("ttlMs", "cacheScope") if name in result}
        assert kept == (set() if method == "tools/call" else {"ttlMs", "cacheScope"})


@pytest.mark.parametrize("revision", LEGACY)
async def test_the_others_begin_with_a_handshake_that_leaves_nothing_behind(alice: Client, revision: str) -> None:
    response = await post(alice, message("initialize", {**INITIALIZE, "protocolVersion": revision}))
    result = response.json()["result"]
    assert (result["protocolVersion"], result["capabilities"]) == (revision, {"tools": {}})
    assert result["instructions"] == INSTRUCTIONS
    assert "mcp-session-id" not in response.headers
    notified = await post(
        alice, {"jsonrpc": "2.0", "method": "notifications/initialized"}, **{"MCP-Protocol-Version": revision}
    )
    assert (notified.status_code, notified.content) == (202, b"")
    assert (await say(alice, "ping", None, revision)).json() == {"jsonrpc": "2.0", "id": 1, "result": {}}
    assert "resultType" not in (await say(alice, "tools/list", None, revision)).json()["result"]


@pytest.mark.parametrize("wanted", ["2024-11-05", "2026-07-28", "1.0", None, 7])
async def test_a_handshake_for_what_has_none_is_answered_with_the_newest_that_has(
    alice: Client, wanted: Any
) -> None:
    response = await post(alice, message("initialize", {**INITIALIZE, "protocolVersion": wanted}))
    assert response.json()["result"]["protocolVersion"] == LEGACY[0]


async def test_who_names_no_version_speaks_the_oldest(alice: Client) -> None:
    assert (await post(alice, message("tools/call", FIND))).json()["result"]["structuredContent"]["count"] == 0


@pytest.mark.parametrize("message_id", ["", "one", 0, -1, 2**53 - 1])
async def test_an_answer_has_the_id_of_its_request(alice: Client, message_id: Any) -> None:
    assert (await post(alice, message("ping", message_id=message_id))).json()["id"] == message_id
    assert (await post(alice, message("nonsense", message_id=message_id))).json()["id"] == message_id


@pytest.mark.parametrize("method", ["notifications/cancelled", "tools/call", "nonsense"])
async def test_a_notification_does_nothing_and_gets_no_answer(alice: Client, method: str) -> None:
    params = {"name": "add_tasks", "arguments": {"tasks": [{"title": "Buy milk"}]}}
    response = await post(alice, {"jsonrpc": "2.0", "method": method, "params": params})
    assert (response.status_code, response.content) == (202, b"")
    assert (await alice.get("/tasks")).json()["count"] == 0


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
async def test_there_is_no_stream_and_no_session(alice: Client, method: str) -> None:
    response = await alice.request(method, "/mcp", headers={"Accept": "text/event-stream", "Mcp-Session-Id": "x"})
    assert (response.status_code, response.headers["allow"]) == (405, "POST")


async def test_sessions_and_streams_of_others_are_ignored(alice: Client) -> None:
    response = await say(alice, "tools/list", **{"Mcp-Session-Id": "x", "Last-Event-ID": "7"})
    assert response.status_code == 200
    assert "mcp-session-id" not in response.headers


OLD_METHODS = ["initialize", "ping", "logging/setLevel", "resources/list", "prompts/list", "subscriptions/listen"]


@pytest.mark.parametrize("method", [*OLD_METHODS, "nonsense"])
async def test_a_method_that_is_not_there_is_a_404_in_the_newest_revision_alone(
    alice: Client, method: str
) -> None:
    response = await say(alice, method)
    assert (response.status_code, response.json()["error"]["code"]) == (404, -32601)
    if method not in ("initialize", "ping"):
        response = await say(alice, method, None, LEGACY[0])
        assert (response.status_code, response.json()["error"]["code"]) == (200, -32601)


@pytest.mark.parametrize("params", [{}, {"name": "delete_tasks"}, {"name": 7}, {"name": ["find_tasks"]}])
async def test_a_tool_that_is_not_there_is_an_error_of_the_protocol(alice: Client, params: dict[str, Any]) -> None:
    response = await post(alice, message("tools/call", params))
    assert (response.status_code, response.json()["error"]["code"]) == (200, -32602)
    assert "find_tasks" in response.json()["error"]["message"]


MISMATCH, UNSUPPORTED, PARAMS = -32020, -32022, -32602
OLDER = {VERSION: LEGACY[0], CAPABILITIES: {}}
UNKNOWN = {VERSION: "1900-01-01", CAPABILITIES: {}}
# The `_meta` of a tools/list, the headers that differ from those of a good one (None: not there), and the error.
DISAGREEMENTS: dict[str, tuple[Any, dict[str, str | None], int]] = {
    "no meta": ({}, {}, PARAMS),
    "no capabilities": ({VERSION: NEWEST}, {}, PARAMS),
    "capabilities that are none": ({VERSION: NEWEST, CAPABILITIES: []}, {}, PARAMS),
    "a meta that is none": ([], {}, PARAMS),
    "no version in the header": (META, {"MCP-Protocol-Version": None}, MISMATCH),
    "an older version in the header": (META, {"MCP-Protocol-Version": LEGACY[0]}, MISMATCH),
    "an older version in the message": (OLDER, {}, MISMATCH),
    "a version that is no text": ({VERSION: 7, CAPABILITIES: {}}, {}, MISMATCH),
    "an older version in both": (OLDER, {"MCP-Protocol-Version": LEGACY[0]}, UNSUPPORTED),
    "an unknown version in both": (UNKNOWN, {"MCP-Protocol-Version": "1900-01-01"}, UNSUPPORTED),
    "an unknown version in the header alone": ({}, {"MCP-Protocol-Version": "2024-11-05"}, UNSUPPORTED),
    "an empty version": ({}, {"MCP-Protocol-Version": ""}, UNSUPPORTED),
    "no method in the header": (META, {"Mcp-Method": None}, MISMATCH),
    "another method in the header": (META, {"Mcp-Method": "tools/call"}, MISMATCH),
}  # fmt: skip


@pytest.mark.parametrize("case", DISAGREEMENTS)
async def test_headers_and_message_must_say_the_same(alice: Client, case: str) -> None:
    meta, changed, code = DISAGREEMENTS[case]
    headers = {"MCP-Protocol-Version": NEWEST, "Mcp-Method": "tools/list", **changed}
    params = {} if meta == {} else {"_meta": meta}
    response = await post(
        alice,
        message("tools/list", params),
        **{name: value for name, value in headers.items() if value is not None},
    )
    error = response.json()["error"]
    assert (response.status_code, error["code"], response.json()["id"]) == (400, code, 1)
    if code == UNSUPPORTED:
        assert error["data"]["supported"] == list(SUPPORTED)


NAMES = {
    "missing": (None, 400),
    "another": ("add_tasks", 400),
    "in another case": ("Find_Tasks", 400),
    "in Base64": (f"=?base64?{base64.b64encode(b'find_tasks').decode()}?=", 200),
    "another in Base64": (f"=?base64?{base64.b64encode(b'add_tasks').decode()}?=", 400),
    "no Base64": ("=?base64?!?=", 400),
    "no UTF-8": (f"=?base64?{base64.b64encode(bytes([255])).decode()}?=", 400),
}


@pytest.mark.parametrize("case", NAMES)
async def test_the_name_of_the_tool_is_in_a_header_too(alice: Client, case: str) -> None:
    name, status = NAMES[case]
    headers = {"MCP-Protocol-Version": NEWEST, "Mcp-Method": "tools/call", **({"Mcp-Name": name} if name else {})}
    response = await post(alice, message("tools/call", {**FIND, "_meta": META}), **headers)
    assert response.status_code == status
    if status == 400:
        assert response.json()["error"]["code"] == MISMATCH


async def test_a_header_that_is_there_twice_is_no_agreement(alice: Client) -> None:
    headers = [
        ("Content-Type", "application/json"), ("MCP-Protocol-Version", NEWEST), ("Mcp-Method", "tools/list"),
        ("Mcp-Method", "tools/call"), ("Authorization", alice.headers["Authorization"]),
    ]  # fmt: skip
    body = httpx2.Request("POST", "http://x", json=message("tools/list", {"_meta": META})).content
    response = await alice.post("/mcp", content=body, headers=headers)
    assert (response.status_code, response.json()["error"]["code"]) == (400, MISMATCH)


async def test_it_can_be_turned_off(settings: Settings) -> None:
    addresses = {"public_url": "https://tasks.example.com", "jwt_issuer": "https://issuer.example.com"}
    async with (
        started(settings.model_copy(update={"mcp": False, **addresses})) as app,
        connect(app, "alice", SECRET) as alice,
    ):
        for path in ("/mcp", "/.well-known/oauth-protected-resource/mcp"):
            for method in ("GET", "POST"):
                assert (await alice.request(method, path)).status_code == 404
