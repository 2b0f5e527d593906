"""The processes that answer requests: kept alive, replaced one by one, stopped together."""

import logging
import os
import signal
import socket
import threading

from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess
from uvicorn.supervisors.multiprocess import Process

from taskward.observability.dead_workers import forget_dead_workers
from taskward.server.lifecycle import STOPPING
from taskward.server.loading import Loading
from taskward.server.worker_config import WorkerConfig

logger = logging.getLogger(__name__)


class Workers(Multiprocess):
    """The workers, which stop all together, or are replaced one by one."""

    def __init__(self, config: WorkerConfig, sockets: list[socket.socket], loading: Loading) -> None:
        self._shares = config.shares
        self._loading = loading
        super().__init__(config, sockets)
        self.should_exit = _ToStop(self.signal_queue)

    @property
    def failed_to_start(self) -> bool:
        """Whether a worker ended as it could not start."""
        return any(process.exitcode == STARTUP_FAILURE for process in self.processes)

    def init_processes(self) -> None:
        """Have the workers begin."""
        self.processes = self._loading.begin()
        self._list_workers()

    def keep_subprocess_alive(self) -> None:
        """Look after the workers, twice a second; without the gauges of those that are gone."""
        for process in self.processes:
            process.child_conn.close()  # the worker's end: open here as well, a dead one would be waited for
        super().keep_subprocess_alive()
        self._list_workers()
        forget_dead_workers({process.pid for process in self.processes})

    def restart_all(self) -> None:
        """Replace the workers one by one: each by one that is ready, and none any more when all are to stop."""
        for number, old in enumerate(self.processes):
            if self.should_exit.is_set():
                return
            new = Process(self.config, self.sockets)
            new.start()
            self._list_workers(new)
            if not new.wait_until_ready(self.config.timeout_worker_healthcheck, self.should_exit):
                new.kill()
                new.join()
                if not self.should_exit.is_set():
                    logger.error("a new worker was not ready in time; the ones that run go on")
                return
            self.processes[number] = new
            old.terminate()
            while old.process.is_alive():
                if self.should_exit.is_set():
                    self.processes.append(old)  # to be waited for with the others: it may still need the database
                    return
                old.process.join(0.1)

    def _list_workers(self, *beside: Process) -> None:
        self._shares.list_workers({process.pid for process in (*self.processes, *beside)})

    def terminate_all(self) -> None:
        """Stop: no new connection, and no worker that says it is ready."""
        for listener in self.sockets:
            listener.close()  # with it open here, clients would go on connecting, and nobody would answer
        for worker in self.processes:
            if worker.pid is not None and worker.process.is_alive():
                os.kill(worker.pid, STOPPING)
        super().terminate_all()


class _ToStop(threading.Event):
    """Also set while a signal to stop has come and is not handled yet, because workers are being replaced."""

    def __init__(self, signals: list[int]) -> None:
        super().__init__()
        self._signals = signals

    def is_set(self) -> bool:
        return super().is_set() or not {signal.SIGINT, signal.SIGTERM}.isdisjoint(self._signals)
