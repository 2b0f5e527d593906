"""A worker's life: it ends with the process that supervises it."""

import asyncio
import multiprocessing
import os
import signal


def end_with_supervisor() -> None:
    """Shut this worker down gracefully when its supervisor dies, as by SIGKILL.

    Else it would go on serving, hold the port, and have nobody to restart it. Does nothing in a process that
    was not started by `multiprocessing`.
    """
    supervisor = multiprocessing.parent_process()
    if supervisor is None:
        return
    loop = asyncio.get_running_loop()

    def end() -> None:
        loop.remove_reader(supervisor.sentinel)
        os.kill(os.getpid(), signal.SIGTERM)

    loop.add_reader(supervisor.sentinel, end)  # becomes readable when the other end of the pipe is gone
