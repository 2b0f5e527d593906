"""What a body may be, and in which order a request is refused: who, whose, then what."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI

from tests.client import Client

JSON = {"Content-Type": "application/json"}
WRITES = [
    ("POST", "/tasks"), ("PUT", "/tasks/1"), ("PATCH", "/tasks/1"), ("PATCH", "/tasks/1/complete"),
    ("PATCH", "/tasks/1/toggle"), ("POST", "/api/alice/tasks"), ("PUT", "/users/alice/tasks/1"),
    ("PATCH", "/api/alice/tasks/1/complete"),
]  # fmt: skip
every_write = pytest.mark.parametrize(("method", "path"), WRITES)


class Upload:
    """A body that comes in pieces of 1 KiB, and counts how many were taken."""

    def __init__(self, first: bytes = b"", pieces: int = 1000) -> None:
        self.first = first
        self.pieces = pieces
        self.taken = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for number in range(self.pieces):
            self.taken += 1
            yield self.first if number == 0 and self.first else b" " * 1024


async def code_of(client: Client, method: str, path: str, **request: Any) -> tuple[int, str]:
    response = await client.request(method, path, **request)
    assert response.headers["content-type"] == "application/json"
    return response.status_code, response.json()["code"]


@every_write
async def test_somebody_without_a_token_is_told_so_before_a_byte_is_read(
    anonymous: Client, method: str, path: str
) -> None:
    upload = Upload()
    for headers in ({}, JSON, {"Content-Type": "text/plain"}):
        assert await code_of(anonymous, method, path, content=upload, headers=headers) == (401, "TOKEN_MISSING")
    assert await code_of(anonymous, method, f"{path}?a=1&a=2", content=upload) == (401, "TOKEN_MISSING")
    assert upload.taken == 0


async def test_somebody_without_a_token_is_told_so_before_their_query_is_judged(anonymous: Client) -> None:
    for query in ("status=x", "status=all&status=all", "limit=0", "cursor=x", "nothing=1", "%00=%00"):
        assert await code_of(anonymous, "GET", f"/tasks?{query}") == (401, "TOKEN_MISSING")
        assert await code_of(anonymous, "GET", f"/api/alice/tasks?{query}") == (401, "TOKEN_MISSING")
    assert await code_of(anonymous, "GET", "/tasks/x") == (401, "TOKEN_MISSING")


async def test_a_stranger_is_told_so_before_a_byte_is_read(bob: Client) -> None:
    upload = Upload()
    for method, path in (
        ("POST", "/api/alice/tasks"),
        ("PUT", "/users/alice/tasks/x"),
        ("GET", "/api/alice/tasks?a=1&a=1"),
    ):
        for headers in ({}, JSON, {"Content-Type": "text/plain"}):
            assert await code_of(bob, method, path, content=upload, headers=headers) == (403, "FORBIDDEN")
    assert upload.taken == 0


WRONG_TYPES = [
    "", "text/plain", "text/json", "application/xml", "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x", "application/jsonx", "application/problem+json", "application", "*/*",
    "application/json; charset=utf-16", "application/json; charset=latin-1", "application/json; charset=",
    "application/json, text/plain", "\u017f",
]  # fmt: skip


@every_write
async def test_a_body_of_another_type_is_refused_unread(alice: Client, method: str, path: str) -> None:
    upload = Upload()
    for wrong in WRONG_TYPES:
        headers = {"Content-Type": wrong.encode()}
        found = await code_of(alice, method, path, content=upload, headers=headers)
        assert found == (415, "UNSUPPORTED_MEDIA_TYPE"), wrong
    assert await code_of(alice, method, path, content=upload) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert upload.taken == 0


@every_write
async def test_a_body_in_an_encoding_is_refused_unread(alice: Client, method: str, path: str) -> None:
    upload = Upload()
    for encoding in ("gzip", "br", "deflate", "zstd", "x-gzip", "identity, gzip", "nothing"):
        found = await code_of(alice, method, path, content=upload, headers=JSON | {"Content-Encoding": encoding})
        assert found == (415, "UNSUPPORTED_MEDIA_TYPE"), encoding
    assert upload.taken == 0


RIGHT_TYPES = [
    "application/json", "Application/JSON", "application/json;charset=utf-8", "application/json ; charset=UTF-8",
    'application/json; charset="utf-8"', "application/json;",
]  # fmt: skip


async def test_json_may_be_declared_in_several_ways(alice: Client) -> None:
    for right in RIGHT_TYPES:
        for encoding in ({}, {"Content-Encoding": "identity"}, {"Content-Encoding": ""}):
            headers = {"Content-Type": right, **encoding}
            response = await alice.post("/tasks", content=b'{"title":"Buy milk"}', headers=headers)
            assert response.status_code == 201, right


@every_write
async def test_a_body_that_says_it_is_too_large_is_refused_unread(alice: Client, method: str, path: str) -> None:
    for length in ("65537", "1000000000000", "9" * 30):
        upload = Upload()
        response = await alice.request(method, path, content=upload, headers=JSON | {"Content-Length": length})
        assert (response.status_code, response.json()["code"]) == (413, "BODY_TOO_LARGE")
        assert response.headers["connection"] == "close"
        assert upload.taken == 0


@every_write
async def test_a_body_that_grows_too_large_is_not_read_to_its_end(alice: Client, method: str, path: str) -> None:
    for first in (b'{"title":"Buy milk"}', b"not json", b""):
        upload = Upload(first)
        response = await alice.request(method, path, content=upload, headers=JSON)
        assert (response.status_code, response.json()["code"]) == (413, "BODY_TOO_LARGE")
        assert response.headers["connection"] == "close"
        assert upload.taken <= 66


@pytest.mark.parametrize("media_type", ["application/json", "application/x-www-form-urlencoded"])
async def test_no_route_goes_on_reading_for_ever(app: FastAPI, alice: Client, media_type: str) -> None:
    """The limit is the reader's own (taskward/api/bodies.py): one that reads by other means would have none."""
    described = [(method, path) for path, item in app.openapi()["paths"].items() for method in item]
    read = set()
    for method, path in [("post", "/mcp"), *described]:
        if method == "get":
            continue  # who listens for the end of a client drops what comes
        upload = Upload()
        target = re.sub(r"{\w+}", "1", re.sub("{user(_id)?}", "alice", path))
        await alice.request(method.upper(), target, content=upload, headers={"Content-Type": media_type})
        assert upload.taken <= 513, (method, path)  # a batch has 512 KiB
        if upload.taken:
            read.add(path)
    assert read >= ({"/tasks", "/tasks/batch", "/mcp"} if "json" in media_type else {"/auth/token"})


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_of_64_kib_is_read_and_one_byte_more_is_not(alice: Client, declared: bool) -> None:
    for size, status in ((65_536, 201), (65_537, 413)):
        data = b'{"title":"Buy milk"}'.ljust(size)
        content = data if declared else Upload(data, 1)
        assert (await alice.post("/tasks", content=content, headers=JSON)).status_code == status


HOSTILE = [
    b"", b" ", b"{", b"\xef\xbb\xbf{}", b"\xff", "{}".encode("utf-16"), b'{"title":"\xe9"}', b'{"title":NaN}',
    b'{"title":Infinity}', b'{"title":1e999}', b'{"title":' + b"9" * 5000 + b"}", b'{"title":"a","title":"b"}',
    b'{"title":"a","\\u0074itle":"b"}', b'{"title":"\\ud800"}', b'{"\\udfff":1}', b'{"title":"\xed\xa0\x80"}',
    b"[" * 60_000, b'{"a":' * 10_000, b'{"title":' + b"[" * 32 + b"]" * 32 + b"}", b"{'title':1}",
    b'{"title":"a"}{}', b'{"title":"a",}', b'{"title":"\n"}', b"\0", b"title=Buy+milk", b"<task/>",
]  # fmt: skip


@every_write
async def test_broken_json_is_refused(alice: Client, method: str, path: str) -> None:
    for data in HOSTILE:
        if data == b"" and path.endswith(("/complete", "/toggle")):
            continue  # no body means something there
        found = await code_of(alice, method, path, content=data, headers=JSON)
        assert found == (400, "MALFORMED_JSON"), data[:40]
    assert (await alice.get("/tasks")).json()["count"] == 0


@every_write
async def test_json_of_another_shape_is_refused(alice: Client, method: str, path: str) -> None:
    deep: Any = 1
    for _ in range(31):
        deep = [deep]
    for value in (
        None,
        True,
        1,
        1.5,
        "x",
        [],
        [{"title": "Buy milk"}],
        {"": 1},
        {"title": deep},
        {"title": 10**300},
    ):
        response = await alice.request(method, path, content=json.dumps(value).encode(), headers=JSON)
        assert (response.status_code, response.json()["code"]) == (400, "VALIDATION_ERROR"), value
        assert response.json()["errors"]
    assert (await alice.get("/tasks")).json()["count"] == 0


async def test_no_body_at_all_where_one_is_needed_is_refused(alice: Client) -> None:
    assert await code_of(alice, "POST", "/tasks") == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert await code_of(alice, "POST", "/tasks", headers=JSON) == (400, "MALFORMED_JSON")
