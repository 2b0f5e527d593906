"""Hints to the other workers of this machine: datagrams between sockets in a folder of theirs alone (unix(7)).

A worker has a socket there for as long as somebody waits in it, so nothing is sent where nobody listens.
"""

import asyncio
import logging
import os
import secrets
import socket
import stat
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from taskward.first_time import FirstTime
from taskward.hints.waiters import HINT_BYTES, Hint

FOLDER = "TASKWARD_HINTS_FOLDER"  # the environment variable that tells the workers
LONGEST_FOLDER = 80  # bytes: an address has at most 104 on macOS and 108 on Linux, and a name 16
IN_A_DATAGRAM = 64  # hints; macOS takes no more than 2 KiB
MOST_UNSENT = 1024  # hints that are kept for a worker which does not read; what is more is dropped
MOST_AT_ONCE = 64  # datagrams that are read before others have their turn

logger = logging.getLogger(__name__)


@contextmanager
def hints_between_workers() -> Iterator[None]:
    """Have the workers that are started inside the block hear of each other's writes."""
    usual = tempfile.gettempdir()
    parent = usual if len(os.fsencode(usual)) + len("/taskward-hints-12345678") <= LONGEST_FOLDER else "/tmp"  # noqa: S108
    with tempfile.TemporaryDirectory(prefix="taskward-hints-", dir=parent, ignore_cleanup_errors=True) as folder:
        os.environ[FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[FOLDER]


class Siblings:
    """The workers that share a folder."""

    def __init__(self, folder: Path, heard: Callable[[Hint], None]) -> None:
        """Take the folder, and what is told of each hint that another worker has sent."""
        self._folder = folder
        self._heard = heard
        self._name = ""
        self._outgoing = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._outgoing.setblocking(False)
        self._incoming: socket.socket | None = None
        self._unsent: dict[str, set[Hint]] = {}
        self._first_time = FirstTime(10)

    def open(self) -> None:
        """Listen, as somebody waits here. Where that cannot be, the log tells."""
        # Never used again, here neither: whoever finds a name without a socket behind it removes it, perhaps late.
        self._name = secrets.token_hex(8)
        try:
            self._make_private()
            self._incoming = incoming = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            incoming.setblocking(False)
            incoming.bind(str(self._folder / self._name))
        except OSError as error:
            self.close()
            self._tell(error)
        else:
            asyncio.get_running_loop().add_reader(incoming, self._read, incoming)

    def close(self) -> None:
        """Listen no longer, and leave nothing."""
        if self._incoming is not None:
            asyncio.get_running_loop().remove_reader(self._incoming)
            self._incoming.close()
            self._incoming = None
            with suppress(OSError):
                (self._folder / self._name).unlink()

    def close_all(self) -> None:
        """Listen and send no longer."""
        self.close()
        self._outgoing.close()

    def send(self, hints: Collection[Hint]) -> bool:
        """Send hints to whoever listens, without waiting; tell whether some are kept for the next time."""
        try:
            names = os.listdir(self._folder)  # noqa: PTH208  # the names are all that is wanted
        except OSError:  # and so nobody listens
            names = []
        self._unsent = {
            name: unsent
            for name in names
            if name != self._name and (unsent := self._send(name, self._unsent.get(name, set()).union(hints)))
        }
        return bool(self._unsent)

    def _send(self, name: str, hints: set[Hint]) -> set[Hint]:
        """Return what there was no room for."""
        waiting = list(hints)
        while waiting:
            try:
                self._outgoing.sendto(b"".join(waiting[:IN_A_DATAGRAM]), str(self._folder / name))
            except ConnectionRefusedError:  # its worker was killed
                with suppress(OSError):
                    (self._folder / name).unlink()
                return set()
            except FileNotFoundError:  # nobody waits there any more
                return set()
            except OSError:  # it is full, and its worker has a lot to do, or hangs
                return set(waiting[:MOST_UNSENT])
            del waiting[:IN_A_DATAGRAM]
        return set()

    def _read(self, incoming: socket.socket) -> None:
        for _ in range(MOST_AT_ONCE):
            try:
                datagram = incoming.recv(HINT_BYTES * IN_A_DATAGRAM)
            except OSError:  # there is no more
                return
            for hint in split(datagram):
                self._heard(hint)

    def _make_private(self) -> None:
        """Raise OSError unless the folder is this user's alone. What cleans up old files may have removed it."""
        with suppress(FileExistsError):
            self._folder.mkdir(mode=0o700)
        found = self._folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
            raise PermissionError("the folder of its socket is not private")

    def _tell(self, error: OSError) -> None:
        if self._first_time("away"):
            logger.warning(
                "this worker does not hear of what others write, and sees it later: %s", error.strerror or error
            )


def split(hints: bytes) -> list[Hint]:
    """Return the hints in what was sent as one."""
    return [hints[at : at + HINT_BYTES] for at in range(0, len(hints), HINT_BYTES)]
