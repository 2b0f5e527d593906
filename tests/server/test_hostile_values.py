"""Values chosen to do harm, in every place that takes one: refused by the contract, or taken as they are."""

import json
from collections.abc import Callable, Iterator
from urllib.parse import quote_from_bytes

import pytest

from tests.server.wire import JSON, Answer, Wire, request
from tests.service import Service
from tests.test_errors import CONTRACT

HOSTILE = {
    "nothing": b"",
    "NUL": b"a\0b",
    "control characters": b"\x01\x08\x1b[31m\x7f",
    "line ends": b"a\r\nSet-Cookie: b=c\r\n\r\nHTTP/1.1 200 OK\r\n",
    "lone surrogate": b"\xed\xa0\x80",
    "overlong slash": b"..\xc0\xaf..\xe0\x80\xaf",
    "overlong NUL": b"\xc0\x80",
    "beyond Unicode": b"\xf4\x90\x80\x80",
    "half a character": b"\xf0\x9f\x8e",
    "no UTF-8": b"\xff\xfe",
    "byte order mark": b"\xef\xbb\xbfa",
    "right to left": "\u202egpj.exe \u05d0\u0628".encode(),
    "emoji": "\U0001f469\u200d\U0001f469\u200d\U0001f467".encode(),
    "combining": "Z\u0351\u036b\u0343".encode() * 20,
    "no character": "\ufffe\uffff".encode(),
    "spaces of all sorts": "a\u00a0\u2003\u200b\u3000b".encode(),
    "quotes": b"'\"`",
    "SQL": b"'; DROP TABLE tasks; --",
    "SQL in a comparison": b"1' OR '1'='1",
    "placeholders": b"%s %(owner)s :owner $1 {0} {owner} %n%x",
    "template": b"{{7*7}}${7*7}<%= 7*7 %>#{7*7}",
    "script": b"<script>alert(1)</script>",
    "path": b"../../../../etc/passwd",
    "Windows path": b"..\\..\\C:\\boot.ini",
    "percent": b"%00%2e%2e%2f%252e%zz%",
    "address": b"http://169.254.169.254/latest",
    "log4j": b"${jndi:ldap://127.0.0.1/a}",
    "command": b"$(id) `id` | id; id &",
    "query": b"a=b&a=c;d#e?f",
    "JSON": b'{"$ne": null}',
    "huge number": b"9" * 400,
    "not a number": b"NaN",
    "negative": b"-1",
    "exponent": b"1e3",
    "other digits": "\u0661\u0662\u00b2".encode(),
    "long": b"a" * 3000,
    "very long": b"a" * 20_000,
    "long, in many bytes": "\U0001f600".encode() * 3000,
}
HEADERS = [
    "Authorization: Bearer ", "Authorization: Basic ", "Idempotency-Key: ", "If-Match: ", "If-None-Match: ",
    "X-Request-ID: ", "Content-Type: ", "Content-Encoding: ", "Accept: ", "Cookie: ", "Origin: ", "Host: ",
    "Expect: ", "Connection: ", "X-Forwarded-For: ", "Range: ", "If-Modified-Since: ", "Transfer-Encoding: ",
    "Content-Length: ",
]  # fmt: skip
BODY = b'{"title":"Buy milk"}'


def in_targets(value: bytes) -> Iterator[bytes]:
    for written in {quote_from_bytes(value, safe=""), quote_from_bytes(quote_from_bytes(value, safe="").encode())}:
        for target in (
            "/{}", "/tasks/{}", "/tasks/1{}", "/tasks/{}/complete", "/api/{}/tasks", "/users/alice{}/tasks/1",
            "/tasks?status={}", "/tasks?limit={}", "/tasks?cursor={}", "/tasks?{}=1", "/tasks?{}", "/health/{}",
            "/docs/assets/{}", "/docs?{}", "/api/tasks/{}", "/tasks/1?{}", "/{}/",
        ):  # fmt: skip
            method = "PATCH" if target.endswith("complete") else "GET"
            yield request(method, target.replace("{}", written), "alice")


def in_headers(value: bytes) -> Iterator[bytes]:
    for header in HEADERS:
        line = header.encode() + value + b"\r\n"
        for method, target, body in (
            ("GET", "/tasks", None),
            ("POST", "/tasks", BODY),
            ("DELETE", "/tasks/1", None),
        ):
            user = None if header.startswith("Authorization") else "alice"
            content_type = b"" if header.startswith("Content-") else JSON
            yield request(method, target, user, content_type + line, body)


def in_bodies(value: bytes) -> Iterator[bytes]:
    text = value.decode("utf-8", "surrogatepass") if b"\xed" in value else value.decode("latin-1")
    for written in (json.dumps(text).encode(), b'"' + value + b'"', value):
        yield request("POST", "/tasks", "alice", JSON, written)
        for name in (b"title", b"description", b"completed", b"user_id"):
            yield request("POST", "/tasks", "alice", JSON, b'{"title":"a","%s":%s}' % (name, written))
            yield request("PATCH", "/tasks/1", "alice", JSON, b'{"%s":%s}' % (name, written))
        yield request("POST", "/tasks", "alice", JSON, b'{"title":"a",%s:1}' % written)
        yield request("PUT", "/tasks/1/complete", "alice", JSON, b'{"completed":%s}' % written)


@pytest.mark.parametrize("place", [in_targets, in_headers, in_bodies])
@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_value_is_refused_or_taken_as_it_is(
    battered: Service, value: bytes, place: Callable[[bytes], Iterator[bytes]]
) -> None:
    for sent in place(value):
        with Wire(battered.url) as wire:
            wire.send(sent + bytes(70_000))  # which completes any body, and ends the connection
            responses = wire.read_all()
        assert responses, sent
        for response in responses:
            assert_documented(response, sent)


def assert_documented(response: Answer, sent: bytes) -> None:
    assert response.headers["x-request-id"]
    assert "set-cookie" not in response.headers
    if response.status < 400:
        assert response.status in (200, 201, 204, 304), sent
        return
    assert response.status < 500, sent
    assert response.json["code"] in CONTRACT[response.status], sent


TAKEN = [value.decode() for value in HOSTILE.values() if value.isascii() or b"\xcd" in value or b"\xe2" in value]


@pytest.mark.parametrize(
    "text", [text for text in TAKEN if text.strip() and "\0" not in text and len(text) <= 1000]
)
def test_what_is_taken_comes_back_as_it_was(battered: Service, text: str) -> None:
    wanted = {"title": text[:200], "description": text}
    with Wire(battered.url) as wire:
        wire.send(request("POST", "/tasks", "bob", JSON, json.dumps(wanted).encode()))
        created = wire.read()
        assert created is not None
        assert created.status == 201
        wire.send(request("GET", created.headers["location"], "bob"))
        found = wire.read()
        assert found is not None
        assert found.json == created.json
        assert found.json["title"] == text[:200].strip()
        assert found.json["description"] == text
