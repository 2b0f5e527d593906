"""A worker's life: what it does once when it starts, and that it ends with the process that supervises it."""

import asyncio
import gc
import multiprocessing
import os
import signal


def spare_the_collector() -> None:
    """Keep what start-up made out of the garbage collector's rounds: 115,000 objects that live as long as we do.

    Else each full round stops every request for tens of milliseconds, to find nothing. Does nothing in a process
    that was not started by `multiprocessing`, which may have other things to do.
    """
    if multiprocessing.parent_process() is not None:
        gc.collect()
        gc.freeze()


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
