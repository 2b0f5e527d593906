"""What only bytes on a socket can say, said to `taskward serve`."""

import pytest

from tests.server.wire import CHUNKED, CLOSE, JSON, Wire, ask, request
from tests.service import Service

pytestmark = pytest.mark.quick

HOSTS = [
    b"", b"Host: \r\n", b"Host: [\r\n", b"Host: a b\r\n", b"Host: evil:port\r\n", b"Host: a/api/bob/tasks?\r\n",
    b"Host: a@b\r\n", b"Host: \xff\r\n", b"Host: evil.example#\r\n", b"Host: a\r\nHost: b\r\n",
    b"Host: x:99999999\r\n",
]  # fmt: skip


@pytest.mark.parametrize("host", HOSTS)
def test_a_malformed_host_changes_nothing(service: Service, host: bytes) -> None:
    for target, status in (
        ("/tasks", 200), ("/api/tasks", 200), ("/api/alice/tasks", 200), ("/api/bob/tasks", 403),
        ("/nothing", 404),
    ):  # fmt: skip
        (response,) = ask(service.url, request("GET", target, "alice", CLOSE, host=host))
        assert response.status in (status, 400)
        assert b"Secret of bob" not in response.body
    assert ask(service.url, request("GET", "/tasks", None, CLOSE, host=host))[0].status in (401, 400)


def test_a_target_with_a_host_means_its_path(service: Service) -> None:
    (response,) = ask(service.url, request("GET", "http://evil.example/tasks", "alice", CLOSE))
    assert [task["user_id"] for task in response.json["tasks"]] == ["alice"]
    for target, status in (
        ("http://evil.example/api/bob/tasks", 403),
        ("http://evil.example/tasks/", 200),
        ("http://evil.example/tasks//", 404),
        ("//evil.example/tasks", 404),
        ("https://evil.example:99/tasks?limit=0", 400),
    ):
        (response,) = ask(service.url, request("GET", target, "alice", CLOSE))
        assert response.status == status, target
        assert b"evil.example" not in response.body + str(response.headers).encode()


@pytest.mark.parametrize(
    "odd", [b"%00", b"%ff", b"%ED%A0%80", b"%C0%AF", b"%", b"%zz", b"%0d%0aX: y", b"%F0%9F%8E"]
)
def test_odd_bytes_in_a_target_are_refused_by_the_contract(service: Service, odd: bytes) -> None:
    odd = odd.replace(b" ", b"%20")
    for target, expected in (
        (b"/tasks/" + odd, (400, "VALIDATION_ERROR")),
        (b"/tasks/1" + odd, (400, "VALIDATION_ERROR")),
        (b"/api/" + odd + b"/tasks", (403, "FORBIDDEN")),
        (b"/users/alice" + odd + b"/tasks/1", (403, "FORBIDDEN")),
        (b"/" + odd, (404, "NOT_FOUND")),
        (b"/docs/assets/" + odd, (404, "NOT_FOUND")),
        (b"/tasks?status=" + odd, (400, "VALIDATION_ERROR")),
        (b"/tasks?cursor=" + odd, (400, "VALIDATION_ERROR")),
        (b"/tasks?" + odd + b"=1", (400, "VALIDATION_ERROR")),
    ):
        (response,) = ask(service.url, request("GET", target, "alice", CLOSE))
        assert (response.status, response.json["code"]) == expected, target
        assert response.headers["x-request-id"]


@pytest.mark.parametrize(
    "raw", [b"/tasks/\xff", b"/tasks/\xc3\xa9", b"/tasks?status=\xff", b"/tasks/\x01", b"/tasks/\x7f"]
)
def test_raw_bytes_in_a_target_are_refused(service: Service, raw: bytes) -> None:
    (response,) = ask(service.url, request("GET", raw, "alice", CLOSE))
    assert 400 <= response.status < 500


def test_a_chunked_body_that_grows_too_large_is_answered_and_the_connection_closed(service: Service) -> None:
    with Wire(service.url) as wire:
        wire.send(request("POST", "/tasks", "alice", JSON + CHUNKED))
        for _ in range(5):
            wire.send(b"4000\r\n" + b" " * 0x4000 + b"\r\n")
        response = wire.read()
        assert response is not None
        assert (response.status, response.json["code"]) == (413, "BODY_TOO_LARGE")
        assert response.headers["connection"] == "close"
        assert wire.read() is None


@pytest.mark.parametrize("expect", [b"", b"Expect: 100-continue\r\n"])
def test_a_body_that_says_it_is_too_large_is_not_waited_for(service: Service, expect: bytes) -> None:
    with Wire(service.url) as wire:
        wire.send(request("POST", "/tasks", "alice", JSON + expect + b"Content-Length: 1000000\r\n"))
        response = wire.read()
        assert response is not None
        assert (response.status, response.json["code"]) == (413, "BODY_TOO_LARGE")
        assert wire.read() is None


@pytest.mark.parametrize("target", ["/tasks", "/docs", "/docs/assets/swagger-ui-bundle.js", "/nothing"])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_nobody_wants_does_no_harm(service: Service, target: str, chunked: bool) -> None:
    headers, body = b"Content-Length: 100000\r\n", b" " * 100_000
    if chunked:
        headers, body = CHUNKED, b"186a0\r\n" + body + b"\r\n0\r\n\r\n"
    with Wire(service.url) as wire:
        wire.send(request("GET", target, "alice", headers) + body)
        response = wire.read()
        assert response is not None
        assert response.status in (200, 404, 413)
        wire.send(request("GET", "/tasks", "bob"))
        response = wire.read()
        assert response is None or b"Secret of bob" in response.body


def test_head_leaves_the_connection_usable(service: Service) -> None:
    with Wire(service.url) as wire:
        for target in ("/tasks", "/docs", "/docs/assets/swagger-ui.css", "/nothing", "/tasks/x"):
            wire.send(request("HEAD", target, "alice") + request("GET", target, "alice"))
            head, got = wire.read(without_body=True), wire.read()
            assert head
            assert got
            assert head.status == got.status
            assert int(head.headers["content-length"]) == len(got.body) > 0


def test_requests_on_one_connection_do_not_mix_users(service: Service) -> None:
    users = ["alice", "bob", None, "charlie"] * 10
    with Wire(service.url) as wire:
        wire.send(b"".join(request("GET", "/tasks", user) for user in users))
        for user in users:
            response = wire.read()
            assert response is not None
            found = [task["title"] for task in response.json.get("tasks", [])]
            assert found == ([f"Secret of {user}"] if user in ("alice", "bob") else [])
            assert response.status == (200 if user else 401)


SMUGGLED = request("GET", "/tasks", "bob", CLOSE)
LENGTHS = [
    CHUNKED + b"Content-Length: 5\r\n",
    b"Content-Length: 5\r\n" + CHUNKED,
    b"Content-Length: 5\r\nContent-Length: 500\r\n",
    b"Content-Length: 500\r\nContent-Length: 5\r\n",
    b"Content-Length: 5, 500\r\n",
    b"Content-Length: +5\r\n",
    b"Content-Length: 0x5\r\n",
    b"Content-Length: -5\r\n",
    b"Content-Length : 5\r\n",
    b"Transfer-Encoding: chunked, identity\r\n",
    b"Transfer-Encoding: xchunked\r\n",
    b"Transfer-Encoding: identity\r\nContent-Length: 5\r\n",
    b"Transfer-Encoding:\x0bchunked\r\nContent-Length: 5\r\n",
    b"Transfer-Encoding : chunked\r\nContent-Length: 5\r\n",
    b"X: y\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n",
]


@pytest.mark.parametrize("lengths", LENGTHS)
def test_a_request_of_doubtful_length_smuggles_no_other(service: Service, lengths: bytes) -> None:
    responses = ask(service.url, request("POST", "/tasks", "alice", JSON + lengths) + b"0\r\n\r\n" + SMUGGLED)
    assert [response.status for response in responses] == [400]
    assert b"Secret of bob" not in responses[0].body
