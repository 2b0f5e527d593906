"""A response leaves at once: its head with its body, in one system call and one packet.

uvicorn writes them one after the other, and uvloop sends at once what is written. The second packet was a fifth of
what it costs the service to read a task (docs/performance.md), and it woke the client once more. And uvicorn looks
at each header by itself, with two regular expressions: a head of 12 takes it 6 us, and this 2.
"""

import re
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

COPIED = 64 * 1024  # bytes that are cheaper to copy than to give to the system apart
CONTROL_CHARACTERS = bytes({*range(32), 127} - {ord("\t")})  # none may be in a header (RFC 9110, 5.5)
WITHOUT_BODY = (204, 304)
ACTED_UPON = {b"connection", b"transfer-encoding"}  # by uvicorn
NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+\Z")  # RFC 9110, 5.1, in the small letters that uvicorn looks for
MAX_KNOWN = 200

_known_names: set[bytes] = set()  # that are names of headers


class OnePacket(RequestResponseCycle):
    """One request and its response, of which the head is kept until something of the body comes.

    What is unusual about a response is left to uvicorn, which knows all there is, and what to say of mistakes; so
    is one whose length nobody says, as a stream, which leaves in pieces anyway.
    """

    _head: Any = None  # the message with status and headers

    async def send(self, message: Any) -> None:
        """Take the next message of the response (ASGI, "HTTP")."""
        if not self.response_started and message["type"] == "http.response.start":
            self._head = message
            self.response_started = True
            return
        head, self._head = self._head, None
        if head is not None:
            if message["type"] == "http.response.body" and self._write(head, message):
                return
            self.response_started = False
            await super().send(head)
        await super().send(message)

    def _write(self, start: Any, message: Any) -> bool:
        """Write the head and as much of the body as there is, if all is as usual; tell whether it is."""
        headers = [*self.default_headers, *start.get("headers", ())]
        length = _length(start["status"], headers)
        body, more_body = message.get("body", b""), message.get("more_body", False)
        if (
            self.disconnected
            or self.flow.write_paused
            or self.access_log
            or self.scope["method"] == "HEAD"
            or length is None
            or (length < len(body) if more_body else length != len(body))
        ):
            return False
        lines = b"\r\n".join(map(b": ".join, headers))
        # The only ones that are allowed are those between two headers.
        if len(lines.translate(None, CONTROL_CHARACTERS)) != len(lines) - 2 * (len(headers) - 1):
            return False
        end = b"\r\n\r\n" if self.keep_alive else b"\r\nconnection: close\r\n\r\n"
        head = b"".join((STATUS_LINE[start["status"]], lines, end))
        if len(body) > COPIED:
            self.transport.writelines((head, body))
        else:
            self.transport.write(head + body)
        self.waiting_for_100_continue = False
        self.chunked_encoding, self.expected_content_length = False, length - len(body)
        if not more_body:
            self._end()
        return True

    def _end(self) -> None:
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()


def _length(status: int, headers: list[tuple[bytes, bytes]]) -> int | None:
    """Return how many bytes a response's body has to have; None where that is not said, or where it is unusual."""
    fields = dict(headers)
    if not (_known_names.issuperset(fields) or _are_names(fields)) or not ACTED_UPON.isdisjoint(fields):
        return None
    length = fields.get(b"content-length")
    if length is None:
        return 0 if status in WITHOUT_BODY else None
    if len(fields) < len(headers) and sum(name == b"content-length" for name, _ in headers) > 1:
        return None
    return int(length)


def _are_names(fields: dict[bytes, bytes]) -> bool:
    if not all(map(NAME.match, fields)):
        return False
    if len(_known_names) < MAX_KNOWN:
        _known_names.update(fields)
    return True
