"""How long a conversation may take as a whole. A time limit of each read alone bounds none of it.

For a server that sends a byte now and then is in time for every read, and would keep the one thread that sends
mail.
"""

import socket
from contextlib import suppress
from threading import Event, Timer
from types import TracebackType
from typing import Self


class Deadline:
    """Hangs up when it is over, whatever the thread in between waits for; for `with`."""

    def __init__(self, seconds: float) -> None:
        """Take for how long the conversation may go on."""
        self._timer = Timer(seconds, self._end)
        self._timer.daemon = True
        self._over = Event()
        self._twin: socket.socket | None = None

    @property
    def is_over(self) -> bool:
        """Whether it took too long."""
        return self._over.is_set()

    def watch(self, connection: socket.socket) -> None:
        """Hang up this connection in time: by a twin, as TLS takes the socket away from its object."""
        self._twin = connection.dup()
        if self.is_over:
            self._hang_up()

    def _end(self) -> None:
        self._over.set()
        self._hang_up()

    def _hang_up(self) -> None:
        if self._twin is not None:
            with suppress(OSError):  # it may be closed already
                self._twin.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        """Begin."""
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop looking at the clock."""
        self._timer.cancel()
        self._timer.join()
        if self._twin is not None:
            self._twin.close()
