"""A connection to a running service on which a test says every byte itself."""

import socket
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

import orjson

from taskward.auth.issue import issue_token
from tests.conftest import SECRET

TOKENS = {user: issue_token(user, SECRET.encode(), "HS256", 3600) for user in ("alice", "bob", "charlie")}
JSON = b"Content-Type: application/json\r\n"
CLOSE = b"Connection: close\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


class Wire:
    def __init__(self, url: str, source: str = "") -> None:
        address, own = urlsplit(url), (source, 0) if source else None
        self._socket = socket.create_connection(
            (str(address.hostname), int(address.port or 0)), timeout=20, source_address=own
        )
        self._file = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()
        self._socket.close()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def read(self, *, without_body: bool = False) -> Answer | None:
        """Return the next response, or None where the service has closed the connection."""
        try:
            line = self._file.readline()
        except ConnectionResetError:
            return None
        if not line:
            return None
        headers = {}
        while header := self._file.readline().strip():
            name, _, value = header.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        length = 0 if without_body else int(headers.get("content-length", 0))
        return Answer(int(line.split()[1]), headers, self._file.read(length))

    def read_all(self) -> list[Answer]:
        """Return every response until the service closes the connection."""
        responses = []
        while response := self.read():
            responses.append(response)
        return responses


def request(
    method: str,
    target: str | bytes,
    user: str | None = None,
    headers: bytes = b"",
    body: bytes | None = None,
    host: bytes = b"Host: 127.0.0.1\r\n",
) -> bytes:
    """Return the bytes of one request."""
    target = target.encode() if isinstance(target, str) else target
    authorization = f"Authorization: Bearer {TOKENS[user]}\r\n".encode() if user else b""
    length = b"" if body is None else b"Content-Length: %d\r\n" % len(body)
    head = method.encode() + b" " + target + b" HTTP/1.1\r\n"
    return head + host + authorization + headers + length + b"\r\n" + (body or b"")


def ask(url: str, data: bytes) -> list[Answer]:
    """Return the responses to `data` on a connection of its own, until the service closes it."""
    with Wire(url) as wire:
        wire.send(data)
        return wire.read_all()
