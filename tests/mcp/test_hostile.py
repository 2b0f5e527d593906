"""Messages of people who look for a hole: each is answered with an error of the protocol, and none with a 500."""

import json
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from tests.client import Client
from tests.mcp.agents import ACCEPT, META, NEWEST, message
from tests.profiles import by_profile

pytestmark = pytest.mark.quick

JSON = {**ACCEPT, "Content-Type": "application/json"}
PARSE, INVALID, PARAMS = -32700, -32600, -32602


def nested(depth: int) -> bytes:
    return b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":' + b"[" * depth + b"]" * depth + b"}}"


MALFORMED: dict[str, tuple[bytes, int]] = {
    "nothing": (b"", PARSE),
    "text": (b"hello", PARSE),
    "half a message": (b'{"jsonrpc":"2.0","id":1,"method":"pi', PARSE),
    "two messages": (b'{"jsonrpc":"2.0","id":1,"method":"ping"}{}', PARSE),
    "a byte order mark": (b'\xef\xbb\xbf{"jsonrpc":"2.0","id":1,"method":"ping"}', PARSE),
    "UTF-16": ('{"jsonrpc":"2.0","id":1,"method":"ping"}'.encode("utf-16"), PARSE),
    "no UTF-8": (b'{"jsonrpc":"2.0","id":1,"method":"\xff"}', PARSE),
    "a lone surrogate": (rb'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":"\ud800"}}', PARSE),
    "NaN": (b'{"jsonrpc":"2.0","id":NaN,"method":"ping"}', PARSE),
    "Infinity": (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":-Infinity}}', PARSE),
    "an id twice": (b'{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}', PARSE),
    "a method twice": (b'{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}', PARSE),
    "too deep": (nested(40), PARSE),
    "much too deep": (nested(100_000), PARSE),
    "many objects": (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":[' + b"{}," * 2000 + b"{}]}}", PARSE),
    "many digits": (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":' + b"9" * 5000 + b"}}", PARSE),
    "a batch": (json.dumps([message("ping"), message("ping")]).encode(), INVALID),
    "an empty batch": (b"[]", INVALID),
    "a text": (b'"ping"', INVALID),
    "a number": (b"7", INVALID),
    "null": (b"null", INVALID),
    "an empty object": (b"{}", INVALID),
    "another version of JSON-RPC": (b'{"jsonrpc":"1.0","id":1,"method":"ping"}', INVALID),
    "a null id": (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', INVALID),
    "a true id": (b'{"jsonrpc":"2.0","id":true,"method":"ping"}', INVALID),
    "half an id": (b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', INVALID),
    "an object as id": (b'{"jsonrpc":"2.0","id":{},"method":"ping"}', INVALID),
    "a list as id": (b'{"jsonrpc":"2.0","id":[1],"method":"ping"}', INVALID),
    "a large id": (b'{"jsonrpc":"2.0","id":9007199254740992,"method":"ping"}', INVALID),
    "a huge id": (b'{"jsonrpc":"2.0","id":1' + b"0" * 300 + b',"method":"ping"}', INVALID),
    "a long id": (b'{"jsonrpc":"2.0","id":"' + b"x" * 256 + b'","method":"ping"}', INVALID),
    "no method": (b'{"jsonrpc":"2.0","id":1}', INVALID),
    "a method that is no text": (b'{"jsonrpc":"2.0","id":1,"method":7}', INVALID),
    "a response": (b'{"jsonrpc":"2.0","id":1,"result":{}}', INVALID),
    "an error": (b'{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"x"}}', INVALID),
    "params by position": (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":["x"]}', PARAMS),
    "params that are text": (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":"x"}', PARAMS),
    "null params": (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":null}', PARAMS),
    "a notification of nothing": (b'{"jsonrpc":"2.0","method":null}', INVALID),
}


@pytest.mark.parametrize("case", MALFORMED)
async def test_what_is_no_message_is_an_error_of_the_protocol(alice: Client, case: str) -> None:
    data, code = MALFORMED[case]
    response = await alice.post("/mcp", content=data, headers=JSON)
    answer = response.json()
    assert (response.status_code, answer["jsonrpc"], answer["error"]["code"]) == (400, "2.0", code)
    assert answer["error"]["message"]
    assert answer.get("id", 1) == 1
    assert answer.keys() <= {"jsonrpc", "id", "error"}


@pytest.mark.parametrize("arguments", [[], "x", 7, None, True])
async def test_arguments_that_are_no_object_are_an_error_of_the_protocol(alice: Client, arguments: Any) -> None:
    params = {"name": "find_tasks", "arguments": arguments}
    response = await alice.post("/mcp", json=message("tools/call", params), headers=ACCEPT)
    assert response.json()["error"]["code"] == PARAMS


async def test_a_megabyte_is_refused_before_it_is_read(alice: Client) -> None:
    large = message("ping", {"x": "x" * 2**20})
    response = await alice.post("/mcp", json=large, headers=ACCEPT)
    assert (response.status_code, response.json()["code"]) == (413, "BODY_TOO_LARGE")


async def test_fifty_of_the_largest_tasks_are_not_too_large(alice: Client) -> None:
    tags = [f"{number}" * 25 for number in range(10, 30)]
    tasks = [{"title": "\U0001f95b" * 200, "description": "\U0001f95b" * 1000, "tags": tags}] * 50
    params = {"name": "add_tasks", "arguments": {"tasks": tasks}}
    body = json.dumps(message("tools/call", params), ensure_ascii=False).encode()
    response = await alice.post("/mcp", content=body, headers=JSON)
    assert len(response.json()["result"]["structuredContent"]["tasks"]) == 50


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/x-www-form-urlencoded", "text/event-stream", ""]
)
async def test_what_a_page_could_send_without_asking_is_refused(alice: Client, media_type: str) -> None:
    """A form of another site's could carry a message, but for its media type (Fetch, "CORS-safelisted")."""
    response = await alice.post("/mcp", content=b"{}", headers={"Content-Type": media_type})
    assert (response.status_code, response.json()["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
KNOWN = st.sampled_from(
    ["tasks", "ids", "completed", "status", "sort", "tags", "priority", "q", "limit", "cursor", "due_from", "uid"]
)
TASKS = st.dictionaries(
    st.sampled_from(["id", "if_revision", "title", "due_date", "due_time", "due_zone", "priority", "tags", "uid"]),
    VALUES,
)
ARGUMENTS = st.dictionaries(KNOWN, VALUES | st.lists(TASKS, max_size=3), max_size=3)
TOOL = st.sampled_from(["find_tasks", "add_tasks", "update_tasks", "complete_tasks"])


@examples(
    max_examples=by_profile(50, 5000),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(tool=TOOL, arguments=ARGUMENTS)
async def test_any_arguments_are_answered_with_a_result(
    alice: Client, superuser: psycopg.Connection, tool: str, arguments: dict[str, Any]
) -> None:
    params = {"name": tool, "arguments": arguments, "_meta": META}
    headers = {**JSON, "MCP-Protocol-Version": NEWEST, "Mcp-Method": "tools/call", "Mcp-Name": tool}
    body = json.dumps(message("tools/call", params)).encode()
    response = await alice.post("/mcp", content=body, headers=headers)
    assert response.status_code in (200, 400), response.text
    assert (
        response.status_code == 200 or response.json()["error"]["code"] == PARSE
    )  # a lone surrogate, a huge number
    assert superuser.execute("SELECT count(*) FROM tasks WHERE user_id <> 'alice'").fetchall() == [(0,)]
