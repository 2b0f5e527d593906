"""A connection to a running service on which a test says every byte itself."""

import socket
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

import orjson


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


class Wire:
    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self._socket = socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=20)
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
        """Return the next answer, or None where the service has closed the connection."""
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
        """Return every answer until the service closes the connection."""
        answers = []
        while answer := self.read():
            answers.append(answer)
        return answers
