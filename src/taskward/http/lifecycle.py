"""A worker's life: told when the service is going to stop, and ended with the process that supervises it."""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Callable

STOPPING = signal.SIGUSR1  # to a worker: not you alone are replaced, the whole service stops


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
