"""The head of a response leaves with the beginning of its body: one system call and one packet instead of two.

uvicorn writes them one after the other, and uvloop sends at once what is written. The second packet was a fifth of
what it costs the service to read a task (docs/performance.md), and it woke the client once more.
"""

import asyncio

COPIED = 64 * 1024  # bytes that are cheaper to copy than to give to the system apart
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"  # what may be written before the head (RFC 9110, 15.2.1)


class OnePacket:
    """The transport of one response, as far as uvicorn uses it for one. The first that it writes is the head."""

    __slots__ = ("_began", "_head", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        """Take what writes."""
        self._transport = transport
        self._began = False
        self._head = b""

    def write(self, data: bytes) -> None:
        """Keep the head, and write it with what comes next."""
        if not self._began and data != CONTINUE:
            self._began, self._head = True, data
            return
        head, self._head = self._head, b""
        if head and len(data) > COPIED:
            self._transport.writelines((head, data))
        else:
            self._transport.write(head + data)

    def close(self) -> None:
        """Close, after a head whose body never came."""
        if self._head:
            self.write(b"")
        self._transport.close()

    def is_closing(self) -> bool:
        """Tell whether the connection ends."""
        return self._transport.is_closing()
