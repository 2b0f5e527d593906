"""How much of a request is taken, and what becomes of what is no request."""

import pytest

from taskward.server.protocol import BoundedProtocol
from taskward.server.request_head import MAX_HEADERS
from taskward.settings import Settings
from taskward.tasks.batch_schemas import MAX_BATCH_BYTES
from tests.server.running import running
from tests.server.wire import CHUNKED, CLOSE, JSON, Answer, Wire, ask, request
from tests.service import Service

LIVE = request("GET", "/health/live")
CREATE = request("POST", "/tasks", "alice", JSON + CHUNKED)

NOT_HTTP = [
    b"\x00\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"hello\r\n\r\n",
    b"get / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.2\r\n\r\n",
    b"GET / HTTP/3.0\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET http://a HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /\xff HTTP/1.1\r\n\r\n",
]
BAD_HEADERS = {
    "folded": b"X: a\r\n b\r\n",
    "bare LF": b"X: a\nY: b\r\n",
    "bare CR": b"X: a\rY: b\r\n",
    "NUL in a value": b"X: a\0b\r\n",
    "NUL in a name": b"X\0: a\r\n",
    "control character": b"X: \x01\r\n",
    "no colon": b"Xa\r\n",
    "no name": b": a\r\n",
    "space before the colon": b"X : a\r\n",
    "space before the name": b" X: a\r\n",
    "byte above ASCII in a name": b"\xe9: a\r\n",
    "the same length twice": b"Content-Length: 0\r\nContent-Length: 0\r\n",
}
BAD_BODIES = [
    b"5\r\nabcdeXX\r\n",
    b"f\n{",
    b"g\r\n",
    b"-1\r\n",
    b"ffffffffffffffffff\r\n",
    b"5\rabcde\r\n",
    b"\r\n",
]


def assert_refused(response: Answer | None, field: str = "request") -> None:
    assert response is not None
    assert (response.status, response.json["code"]) == (400, "VALIDATION_ERROR")
    assert [error["field"] for error in response.json["errors"]] == [field]
    assert response.headers["content-type"] == "application/json"
    assert response.headers["connection"] == "close"
    assert response.headers["x-request-id"]


@pytest.mark.parametrize("data", NOT_HTTP)
def test_what_is_not_http_is_refused_by_the_contract(service: Service, data: bytes) -> None:
    (response,) = ask(service.url, data)
    assert_refused(response)


@pytest.mark.parametrize("header", BAD_HEADERS.values(), ids=BAD_HEADERS)
def test_a_header_that_others_may_read_differently_is_refused(service: Service, header: bytes) -> None:
    (response,) = ask(service.url, request("GET", "/health/live", None, header))
    assert_refused(response)


@pytest.mark.parametrize("body", BAD_BODIES)
def test_a_chunk_that_others_may_read_differently_is_refused(service: Service, body: bytes) -> None:
    (response,) = ask(service.url, CREATE + body)
    assert_refused(response)


def test_a_body_that_breaks_while_it_is_read_is_refused(service: Service) -> None:
    with Wire(service.url) as wire:
        wire.send(CREATE + b"5\r\nabcde\r\n")
        wire.send(b"XX\r\n")
        assert_refused(wire.read())
        assert wire.read() is None


def test_a_body_that_breaks_after_its_response_ends_the_connection_without_another(service: Service) -> None:
    with Wire(service.url) as wire:
        wire.send(request("POST", "/tasks", None, JSON + CHUNKED))
        response = wire.read()
        assert response is not None
        assert response.status == 401
        wire.send(b"XX\r\n")
        assert wire.read() is None


@pytest.mark.parametrize("broken", [b"\0", CREATE + b"XX\r\n"], ids=["a head", "a body"])
def test_a_broken_request_is_answered_after_those_before_it(service: Service, broken: bytes) -> None:
    responses = ask(service.url, request("GET", "/tasks", "alice") + LIVE + broken + LIVE)
    assert [response.status for response in responses] == [200, 200, 400]
    assert_refused(responses[-1])


@pytest.mark.parametrize("padding", [b"X: %s\r\n", b"X: 1\r\n" * 90 + b"Y: %s\r\n"])
def test_a_head_of_32_kib_passes_and_one_of_40_does_not(service: Service, padding: bytes) -> None:
    def head(size: int) -> bytes:
        bare = len(request("GET", "/tasks", "alice", CLOSE + padding % b""))
        return request("GET", "/tasks", "alice", CLOSE + padding % (b"a" * (size - bare)))

    (response,) = ask(service.url, head(32 * 1024))
    assert response.status == 200
    (response,) = ask(service.url, head(40 * 1024))
    assert_refused(response, "headers")


def test_100_headers_pass_and_101_do_not(service: Service) -> None:
    own = request("GET", "/tasks", "alice", CLOSE).count(b": ")
    (response,) = ask(service.url, request("GET", "/tasks", "alice", CLOSE + b"a:b\r\n" * (MAX_HEADERS - own)))
    assert response.status == 200
    (response,) = ask(service.url, request("GET", "/tasks", "alice", CLOSE + b"a:b\r\n" * (MAX_HEADERS - own + 1)))
    assert_refused(response, "headers")


def test_trailers_are_not_kept(settings: Settings) -> None:
    seen: list[BoundedProtocol] = []

    class Seen(BoundedProtocol):
        def on_message_complete(self) -> None:
            seen.append(self)
            super().on_message_complete()

    with running(settings, Seen) as url:
        (response,) = ask(
            url, request("POST", "/tasks", None, CHUNKED + CLOSE) + b"0\r\n" + b"a:b\r\n" * 10_000 + b"\r\n"
        )
        assert response.status == 401
        assert [protocol.headers for protocol in seen] == [[]]


def test_a_length_may_have_any_number_of_zeros_in_front(service: Service) -> None:
    length = b"Content-Length: " + b"0" * 5000 + b"%d\r\n"
    (response,) = ask(service.url, request("POST", "/tasks", "alice", JSON + CLOSE + length % 3) + b"{,}")
    assert (response.status, response.json["code"]) == (400, "MALFORMED_JSON")
    (response,) = ask(
        service.url, request("POST", "/tasks", "alice", JSON + CLOSE + length % 70_000) + b"a" * 70_000
    )
    assert (response.status, response.json["code"]) == (413, "BODY_TOO_LARGE")


@pytest.mark.parametrize("broken", [b"XX\r\n", b"1;" + b"a" * 1_100_000], ids=["not chunked", "endless"])
def test_a_delete_that_is_refused_is_not_done(service: Service, broken: bytes) -> None:
    body = b'{"title": "Buy milk"}'
    (created,) = ask(
        service.url,
        request("POST", "/tasks", "alice", JSON + CLOSE + b"Content-Length: %d\r\n" % len(body)) + body,
    )
    path = created.headers["location"]
    with Wire(service.url) as wire:
        wire.send(request("DELETE", path, "alice", CHUNKED))
        for _ in range(2):  # time enough to do it
            (response,) = ask(service.url, request("GET", path, "alice", CLOSE))
            assert response.status == 200
        wire.send(broken)
        assert_refused(wire.read())
    (response,) = ask(service.url, request("DELETE", path, "alice", CLOSE))
    assert response.status == 204  # and not before


def test_a_token_of_8192_characters_is_looked_at(service: Service) -> None:
    token = b"Authorization: Bearer " + b"a" * 8192 + b"\r\n"
    (response,) = ask(service.url, request("GET", "/tasks", None, CLOSE + token))
    assert (response.status, response.json["code"]) == (401, "TOKEN_INVALID")


@pytest.mark.parametrize("start", [b"GET /", b"GET / HTTP/1.1\r\nX: ", b"GET / HTTP/1.1\r\nX"])
def test_a_head_without_end_is_refused(service: Service, start: bytes) -> None:
    with Wire(service.url) as wire:
        wire.send(start + b"a" * 30_000)
        wire.send(b"a" * 10_000)
        assert_refused(wire.read(), "headers")
        assert wire.read() is None


@pytest.mark.parametrize("endless", [b"1;", b"0\r\nX: "], ids=["an extension of a chunk", "a trailer"])
def test_what_surrounds_a_body_without_end_is_refused(service: Service, endless: bytes) -> None:
    with Wire(service.url) as wire:
        wire.send(CREATE + endless)
        for _ in range(128):
            wire.send(b"a" * 8192)
        assert_refused(wire.read())
        assert wire.read() is None


@pytest.mark.parametrize("chunk", [6, 5000, MAX_BATCH_BYTES])
def test_a_batch_of_512_kib_passes_in_any_pieces_of_six_bytes_or_more(service: Service, chunk: int) -> None:
    operations = b'{"operations":[{"do":"create","task":{"uid":"milk","title":"Buy milk"}}]}'
    body = operations.ljust(MAX_BATCH_BYTES)
    pieces = [body[start : start + chunk] for start in range(0, len(body), chunk)]
    sent = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    (response,) = ask(service.url, request("POST", "/tasks/batch", "alice", JSON + CHUNKED + CLOSE) + sent)
    assert response.json["results"][0]["status"] == 201
    task = f"/tasks/{response.json['results'][0]['task']['id']}"
    (deleted,) = ask(service.url, request("DELETE", task, "alice", CLOSE))
    assert deleted.status == 204  # the others' alice has a list that they know
    (response,) = ask(service.url, request("POST", "/tasks", "alice", JSON + CHUNKED) + sent)
    assert (response.status, response.json["code"]) == (413, "BODY_TOO_LARGE")


@pytest.mark.parametrize("together", [True, False])
def test_a_trailer_is_no_header(service: Service, together: bool) -> None:
    token = request("GET", "/", "alice").split(b"\r\n")[2]
    with Wire(service.url) as wire:
        head, rest = request("GET", "/tasks", None, CLOSE + CHUNKED), b"0\r\n" + token + b"\r\n\r\n"
        for data in [head + rest] if together else [head, rest]:
            wire.send(data)
        response = wire.read()
        assert response is not None
        assert response.json["code"] == "TOKEN_MISSING"


UPGRADE = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"


def test_another_protocol_is_not_spoken_and_the_request_answered(service: Service) -> None:
    responses = ask(service.url, request("GET", "/health/live", None, UPGRADE) + LIVE)
    assert [response.json for response in responses] == [{"status": "live"}]
    assert responses[0].headers["connection"] == "close"


@pytest.mark.parametrize("headers", [CHUNKED, b"Content-Length: 5\r\n"])
def test_the_body_of_a_request_for_another_protocol_is_no_request(service: Service, headers: bytes) -> None:
    """uvicorn would take a PATCH for one without a body, and flip instead of set; and the body for a request."""
    with Wire(service.url) as wire:
        wire.send(request("PATCH", "/tasks/1/complete", "alice", JSON + UPGRADE + headers))
        wire.send(request("GET", "/tasks", "bob"))
        assert_refused(wire.read(), "upgrade")
        assert wire.read() is None


def test_of_very_many_requests_sent_at_once_the_first_are_answered(service: Service) -> None:
    responses = ask(service.url, LIVE * 3000)
    assert 40 <= len(responses) <= 300
    assert {response.status for response in responses} == {200}
    assert ["connection" in response.headers for response in responses] == [False] * (len(responses) - 1) + [True]
