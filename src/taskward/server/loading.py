"""Workers load while the database is started, migrated and looked at, and begin when it is ready.

To load is two thirds of a start. PostgreSQL takes a tenth of a second, a new one on an empty folder a whole one,
one that is far away some round trips. In turns with loading afterwards a start took 0.81 to 0.93 times as long.

On Linux the first worker is a fork of the supervisor, and need not load again what that has loaded: 0.78 to 0.84
times as long until it answers. A service with one worker holds 12 MB less, until that is replaced.
"""

import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import get_context

from uvicorn.supervisors.multiprocess import Process

from taskward.server.worker_config import WorkerConfig


class Gate:
    """Where one worker waits that has loaded."""

    def __init__(self) -> None:
        """Make a pipe, which goes into the worker with both ends."""
        self._entrance, self._keeper = get_context("spawn").Pipe(duplex=False)
        self._before = dict(os.environ)

    def open(self) -> None:
        """Let the worker begin, with the environment as it is now; raise OSError where it has ended."""
        self._entrance.close()  # else this process has one itself
        gone = self._before.keys() - os.environ.keys()
        new = {name: value for name, value in os.environ.items() if self._before.get(name) != value}
        self._keeper.send((gone, new))  # little, for which a pipe has room: nobody waits here

    def wait(self) -> None:
        """Wait in the worker until it is to begin; exit where nobody is left to say so."""
        self._keeper.close()  # else this worker would not see that the supervisor has gone
        with self._entrance:
            try:
                gone, new = self._entrance.recv()
            except (EOFError, OSError):
                sys.exit()
        for name in gone:
            os.environ.pop(name, None)
        os.environ.update(new)


class Fork(Process):
    """A worker that goes on from what this process has loaded; for a process with one thread."""

    def __init__(self, config: WorkerConfig, sockets: list[socket.socket]) -> None:
        """Take what a worker needs, as one that is spawned does."""
        super().__init__(config, sockets)
        self.process = get_context("fork").Process(  # type: ignore[assignment]  # it can do the same
            target=self._run, args=(sockets,)
        )

    def _run(self, sockets: list[socket.socket]) -> None:
        with suppress(KeyboardInterrupt):
            signal.signal(signal.SIGTERM, signal.SIG_DFL)  # and not what the supervisor does
            # A fork has the supervisor's name, by which `pkill -HUP` finds both, and means the supervisor.
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            self.config.configure_logging()
            self.target(sockets)


class Loading:
    """The workers that were started before there is a database."""

    def __init__(self) -> None:
        """Begin with none."""
        self._waiting: list[tuple[Process, Gate]] = []

    def start(self, config: WorkerConfig, sockets: list[socket.socket]) -> None:
        """Start one more."""
        config.gate = gate = Gate()
        # Only the first is a fork: another would keep open what tells the first that the supervisor is gone. None
        # is on macOS, where libraries of the system may break in one (Python's manual of `multiprocessing`), nor
        # beside a thread, which somebody's `sitecustomize` may have begun: it would be missing in the fork.
        may_fork = sys.platform == "linux" and threading.active_count() == 1 and not self._waiting
        process = Fork(config, sockets) if may_fork else Process(config, sockets)
        process.start()
        config.gate = None  # those that come later need not wait
        self._waiting.append((process, gate))

    def begin(self) -> list[Process]:
        """Let all begin, and return them. The caller looks after them from now on."""
        waiting, self._waiting = self._waiting, []
        for _, gate in waiting:
            with suppress(OSError):  # one that has ended is replaced like any other
                gate.open()
        return [process for process, _ in waiting]

    def end(self) -> None:
        """End those that have not begun, at once: they have nothing yet."""
        for process, _ in self._waiting:
            process.kill()
            process.process.join()


@contextmanager
def loading_workers(config: WorkerConfig, sockets: list[socket.socket]) -> Iterator[Loading]:
    """Start the workers; those that have not begun end with the block."""
    loading = Loading()
    try:
        for _ in range(config.workers):
            loading.start(config, sockets)
        yield loading
    finally:
        loading.end()
