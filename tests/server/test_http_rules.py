"""What RFC 9112 asks of a request's first lines, as a table of requests and statuses."""

import pytest

from taskward.server.request_head import SINGLE, is_host
from tests.server.wire import CLOSE, TOKENS, Answer, Wire, ask
from tests.service import Service

BODY = b'{"title":"Buy milk"}'
ALICE = b"Authorization: Bearer %b\r\n" % TOKENS["alice"].encode()
CHUNKED_BODY = b"14\r\n" + BODY + b"\r\n0\r\n\r\n"

# request line | header lines, as of a create that is refused | the field that the refusal names
REFUSED = """
    /tasks HTTP/1.1                        |                                              | host
    /tasks HTTP/1.1                        | Host: a, Host: a                             | host
    /tasks HTTP/1.1                        | Host: a, Host: b                             | host
    /tasks HTTP/1.0                        | Host: a, Host: b                             | host
    /tasks HTTP/1.1                        | Host:                                        | host
    /tasks HTTP/1.0                        | Host:                                        | host
    /tasks HTTP/1.1                        | Host: a b                                    | host
    /tasks HTTP/1.1                        | Host: a/b                                    | host
    /tasks HTTP/1.1                        | Host: http://a                               | host
    /tasks HTTP/1.1                        | Host: u@a                                    | host
    /tasks HTTP/1.1                        | Host: a:port                                 | host
    /tasks HTTP/1.1                        | Host: a:65536                                | host
    /tasks HTTP/1.1                        | Host: :80                                    | host
    /tasks HTTP/1.1                        | Host: [                                      | host
    /tasks HTTP/1.1                        | Host: [::1                                   | host
    /tasks HTTP/1.1                        | Host: [1:2]                                  | host
    /tasks HTTP/1.1                        | Host: [fe80::1%25eth0]                       | host
    /tasks HTTP/1.1                        | Host: a%zz                                   | host
    http://a/tasks HTTP/1.1                |                                              | host
    http://a/tasks HTTP/1.1                | Host: a b                                    | host
    http://u@a/tasks HTTP/1.1              | Host: a                                      | request
    http://a%zz/tasks HTTP/1.1             | Host: a                                      | request
    http://a:99999/tasks HTTP/1.1          | Host: a                                      | request
    http:///tasks HTTP/1.1                 | Host: a                                      | request
    ftp://a/tasks HTTP/1.1                 | Host: a                                      | request
    tasks HTTP/1.1                         | Host: a                                      | request
    /tasks#x HTTP/1.1                      | Host: a                                      | request
    http://a/tasks#x HTTP/1.1              | Host: a                                      | request
    /tasks                                 | Host: a                                      | request
    /tasks HTTP/0.9                        | Host: a                                      | request
    /tasks HTTP/1.2                        | Host: a                                      | request
    /tasks HTTP/2.0                        | Host: a                                      | request
    /tasks HTTP/2                          | Host: a                                      | request
    /tasks HTTP/11.1                       | Host: a                                      | request
    /tasks http/1.1                        | Host: a                                      | request
    /tasks HTTPS/1.1                       | Host: a                                      | request
    /tasks HTTP/1.1                        | Host: a, Transfer-Encoding: gzip             | transfer-encoding
    /tasks HTTP/1.1                        | Host: a, Transfer-Encoding: gzip; chunked    | transfer-encoding
    /tasks HTTP/1.1                        | Host: a, Transfer-Encoding: identity         | transfer-encoding
    /tasks HTTP/1.1                        | Host: a, Transfer-Encoding: chunked;q=1      | transfer-encoding
    /tasks HTTP/1.0                        | Host: a, Transfer-Encoding: chunked          | transfer-encoding
    /tasks HTTP/1.1                        | Host: a, Transfer-Encoding: chunked, Content-Length: 20 | request
    /tasks HTTP/1.1                        | Host: a, Content-Length: 20, Transfer-Encoding: chunked | request
    /tasks HTTP/1.1                        | Host: a, Content-Length: 20, Content-Length: 20 | request
    /tasks HTTP/1.1                        | Host: a, Idempotency-Key: k, Idempotency-Key: k | idempotency-key
    /tasks HTTP/1.1                        | Host: a, Content-Type: application/json      | content-type
    /tasks HTTP/1.1                        | Host: a, Origin: http://a, Origin: http://b  | origin
    /api/alice/tasks HTTP/1.1              | Host: a, Authorization: Bearer x             | authorization
"""

# request line | header lines | the status of a GET
TAKEN = """
    /tasks HTTP/1.1                        | Host: a                                      | 200
    /tasks HTTP/1.1                        | Host: A.example.:8000                        | 200
    /tasks HTTP/1.1                        | Host: a_b                                    | 200
    /tasks HTTP/1.1                        | Host: a:                                     | 200
    /tasks HTTP/1.1                        | Host: 127.0.0.1:65535                        | 200
    /tasks HTTP/1.1                        | Host: [::1]:80                               | 200
    /tasks HTTP/1.1                        | Host: [::ffff:127.0.0.1]                     | 200
    /tasks HTTP/1.1                        | Host: %61                                    | 200
    /tasks HTTP/1.0                        |                                              | 200
    /tasks HTTP/1.0                        | Host: a                                      | 200
    http://b/tasks HTTP/1.1                | Host: a                                      | 200
    HTTPS://b:443/tasks HTTP/1.1           | Host: a                                      | 200
    http://[::1]/tasks?limit=1 HTTP/1.1    | Host: a                                      | 200
    http://a/tasks HTTP/1.0                |                                              | 200
    //a/tasks HTTP/1.1                     | Host: a                                      | 404
    * HTTP/1.1                             | Host: a                                      | 404
    /tasks HTTP/1.1                        | Host: a, Accept: x/y, Accept: */*            | 200
    /tasks HTTP/1.1                        | Host: a, X-Forwarded-For: 1, X-Forwarded-For: 2 | 200
    /tasks HTTP/1.1                        | Host: a, If-None-Match: "1", If-None-Match: * | 400
    /tasks HTTP/1.1                        | Host: a, X: 1, X: 2                          | 200
    /tasks HTTP/1.1                        | Host: a, Authorization: Basic x              | 400
    /health/live HTTP/1.1                  | Host: a, Transfer-Encoding: chunked          | 200
    /health/live HTTP/1.1                  | Host: a, Transfer-Encoding: CHUNKED          | 200
"""


def table(text: str) -> list[tuple[bytes, bytes, str]]:
    """Return the rows; commas separate lines of a header, and a semicolon stands for the comma of a list."""
    rows = [[cell.strip() for cell in line.split(" | ")] for line in text.strip().splitlines()]
    return [
        (line.encode(), b"".join(b"%b\r\n" % each.encode() for each in head.split(", ") if each), expected)
        for line, head, expected in rows
    ]


def tasks_of_alice(service: Service) -> bytes:
    (response,) = ask(service.url, b"GET /tasks HTTP/1.1\r\nHost: a\r\n" + CLOSE + ALICE + b"\r\n")
    return response.body


def create(line: bytes, headers: bytes) -> bytes:
    headers = headers.replace(b"; chunked", b", chunked")
    framed = b"" if b"-Length" in headers or b"-Encoding" in headers else b"Content-Length: %d\r\n" % len(BODY)
    body = CHUNKED_BODY if b"-Encoding" in headers else BODY
    typed = b"Content-Type: application/json\r\n"
    return b"POST %b\r\n" % line + headers + ALICE + typed + framed + b"\r\n" + body


@pytest.mark.quick
@pytest.mark.parametrize(("line", "headers", "field"), table(REFUSED))
def test_what_is_refused(service: Service, line: bytes, headers: bytes, field: str) -> None:
    before = tasks_of_alice(service)
    (response,) = ask(service.url, create(line, headers))
    assert (response.status, response.json["code"]) == (400, "VALIDATION_ERROR")
    assert [error["field"] for error in response.json["errors"]] == [field]
    assert response.headers["connection"] == "close"
    assert response.headers["x-request-id"]
    assert tasks_of_alice(service) == before


@pytest.mark.quick
@pytest.mark.parametrize(("line", "headers", "status"), table(TAKEN))
def test_what_is_taken(service: Service, line: bytes, headers: bytes, status: str) -> None:
    body = b"0\r\n\r\n" if b"-Encoding" in headers else b""
    (response,) = ask(service.url, b"GET %b\r\n" % line + headers + ALICE + CLOSE + b"\r\n" + body)
    assert response.status == int(status)
    assert b"Secret of bob" not in response.body


@pytest.mark.quick
@pytest.mark.parametrize("name", sorted(SINGLE))
def test_a_field_of_one_value_is_refused_when_it_is_there_twice(service: Service, name: bytes) -> None:
    """Next to each other or not, in whichever case, and on routes of FastAPI as on fast ones."""
    value = {b"host": b"a", b"content-length": b"0", b"transfer-encoding": b"chunked"}.get(name, b"x")
    for path in (b"/tasks", b"/health"):
        lines = [b"Host: a"] * (name != b"host") + [name + b": " + value, b"X: y", name.upper() + b": " + value]
        (response,) = ask(service.url, b"GET %b HTTP/1.1\r\n" % path + b"\r\n".join(lines) + b"\r\n\r\n")
        assert response.status == 400
        fields = [error["field"] for error in response.json["errors"]]
        assert fields in ([name.decode()], ["request"])  # the parser itself refuses what says the length


@pytest.mark.parametrize("space", [b" ", b"\t", b" \t  "])
def test_white_space_around_a_value_is_no_part_of_it(battered: Service, space: bytes) -> None:
    def padded(key: bytes) -> Answer:
        head = {
            b"Host": b"a",
            b"Authorization": b"Bearer " + TOKENS["alice"].encode(),
            b"Content-Type": b"application/json",
            b"Content-Length": b"%d" % len(BODY),
            b"Idempotency-Key": key,
            b"Connection": b"close",
        }
        lines = b"".join(b"%b:%b%b%b\r\n" % (name, space, value, space) for name, value in head.items())
        (response,) = ask(battered.url, b"POST /tasks HTTP/1.1\r\n" + lines + b"\r\n" + BODY)
        return response

    key = b"key-%b" % space.hex().encode()
    first, second = padded(key), padded(key)
    plain = b"POST /tasks HTTP/1.1\r\nHost: a\r\n" + ALICE + b"Content-Type: application/json\r\n"
    (third,) = ask(
        battered.url, plain + b"Idempotency-Key: %b\r\n" % key + CLOSE + b"Content-Length: 20\r\n\r\n" + BODY
    )
    assert [answer.status for answer in (first, second, third)] == [201, 201, 201]
    assert first.json == second.json == third.json  # one task


def test_a_body_said_to_be_encoded_in_a_second_line_is_not_taken_for_plain(battered: Service) -> None:
    headers = b"Host: a\r\nContent-Encoding: identity\r\nContent-Encoding: gzip\r\nConnection: close\r\n"
    (response,) = ask(battered.url, create(b"/tasks HTTP/1.1", headers))
    assert (response.status, response.json["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


def test_a_refused_head_ends_the_connection_behind_the_responses_before_it(service: Service) -> None:
    live = b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n"
    with Wire(service.url) as wire:
        wire.send(live + b"GET /health/live HTTP/1.1\r\n\r\n" + live)
        assert [response.status for response in wire.read_all()] == [200, 400]


@pytest.mark.quick
def test_a_host_is_looked_at_in_time_that_does_not_explode() -> None:
    assert is_host(b"a" * 200 + b":8000")
    assert not is_host(b"a" * 240 + b"%")
    assert not is_host(b"a" * 30_000)
