"""A worker's life: how it starts, what it is told, and that it ends with the process that supervises it."""

import asyncio
import gc
import multiprocessing
import os
import signal
import sys
from collections.abc import Awaitable, Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from taskward.database.startup_check import UnfitDatabaseError

STOPPING = signal.SIGUSR1  # to a worker: not you alone are replaced, the whole service stops
# New objects before the garbage collector looks at them, and rounds before it looks at older ones again.
GC_THRESHOLDS = (20_000, 5, 5)


class OneLineRefusal:
    """Tells in one line of a database that must not be served, where the framework has a traceback."""

    def __init__(self, app: ASGIApp) -> None:
        """Take the application that starts."""
        self._app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Pass everything on."""

        async def tell(message: Message) -> None:
            if message["type"] == "lifespan.startup.failed" and isinstance(sys.exception(), UnfitDatabaseError):
                message = {**message, "message": str(sys.exception())}
            await send(message)

        return self._app(scope, receive, tell if scope["type"] == "lifespan" else send)


def freeze_gc() -> None:
    """Keep what start-up made out of the garbage collector's rounds, 115,000 objects, and have it come seldom.

    Else each full round stops every request for tens of milliseconds, to find nothing: a request is freed when it
    ends, as nothing in it refers to itself. A thousand requests under way are 70,000 objects, and with Python's
    thresholds a fifth of a busy worker's time was spent on looking at them. Does nothing in a process that was not
    started by `multiprocessing`, which may have other things to do.
    """
    if multiprocessing.parent_process() is not None:
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        gc.enable()


def obey_supervisor(on_stopping: Callable[[], None]) -> None:
    """Call `on_stopping` when the service is about to stop, and end this worker when its supervisor dies.

    Does nothing in a process that was not started by `multiprocessing`.
    """
    supervisor = multiprocessing.parent_process()
    if supervisor is None:
        return
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(STOPPING, on_stopping)

    def end() -> None:
        """Shut down gracefully; else a worker would go on, hold the port, and have nobody to restart it."""
        loop.remove_reader(supervisor.sentinel)
        os.kill(os.getpid(), signal.SIGTERM)

    loop.add_reader(supervisor.sentinel, end)  # becomes readable when the other end of the pipe is gone
