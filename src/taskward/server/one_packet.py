"""A response leaves at once: its head with the beginning of its body, in one system call and one packet.

uvicorn writes them one after the other, and uvloop sends at once what is written. The second packet was a fifth of
what it costs the service to read a task (docs/performance.md), and it woke the client once more. And uvicorn looks
at each header by itself, with two regular expressions: a head of 12 takes it 6 us, and this 2.
"""

from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

COPIED = 64 * 1024  # bytes that are cheaper to copy than to give to the system apart
CONTROL_CHARACTERS = bytes({*range(32), 127} - {ord("\t")})  # none may be in a header (RFC 9110, 5.5)
WITHOUT_BODY = (204, 304)
OWN = {b"connection", b"transfer-encoding"}  # headers that uvicorn acts upon


class OnePacket(RequestResponseCycle):
    """One request and its response, of which the head is kept until something of the body comes.

    What is unusual about a response is left to uvicorn, which knows all there is, and what to say of mistakes.
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
        fields = dict(headers)
        body, more_body = message.get("body", b""), message.get("more_body", False)
        if (
            self.disconnected
            or self.flow.write_paused
            or self.access_log
            or self.scope["method"] == "HEAD"
            or not OWN.isdisjoint(fields)
            or (length := _length(start["status"], fields)) is None
            or (length < len(body) if more_body else length != len(body))
        ):
            return False
        lines = b"\r\n".join(map(b": ".join, headers))
        # Of those that are in it, each end of a line has two.
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


def _length(status: int, fields: dict[bytes, bytes]) -> int | None:
    """Return the bytes of a response's body, where that is said."""
    length = fields.get(b"content-length")
    if length is None:
        return 0 if status in WITHOUT_BODY else None
    return int(length)
