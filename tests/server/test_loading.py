"""The gate of a worker: it opens once, and not at all when nobody is left to open it."""

import os
import threading
from multiprocessing import get_context
from multiprocessing.connection import Connection

import pytest

from taskward.server import loading
from taskward.server.loading import Gate, Loading
from taskward.server.worker_config import WorkerConfig

SECONDS = 60
URL = "postgresql://somewhere/taskward"


def wait_at(gate: Gate, tell: Connection) -> None:
    tell.send(dict(os.environ))
    gate.wait()
    tell.send(dict(os.environ))


@pytest.mark.parametrize("opens", [True, False])
def test_a_worker_begins_when_its_gate_opens_and_ends_when_it_never_will(
    monkeypatch: pytest.MonkeyPatch, *, opens: bool
) -> None:
    monkeypatch.setenv("PGPORT", "5433")  # which the embedded PostgreSQL takes out of the environment
    gate = Gate()
    hear, tell = get_context("spawn").Pipe(duplex=False)
    worker = get_context("spawn").Process(target=wait_at, args=(gate, tell))
    worker.start()
    tell.close()
    assert hear.poll(SECONDS)
    before = hear.recv()
    assert before["PGPORT"] == "5433"
    if opens:
        monkeypatch.delenv("PGPORT")
        monkeypatch.setenv("DATABASE_URL", URL)
        gate.open()
    del gate  # as when the supervisor ends
    assert hear.poll(SECONDS)
    if opens:
        del before["PGPORT"]
        assert hear.recv() == {**before, "DATABASE_URL": URL}
    else:
        with pytest.raises(EOFError):
            hear.recv()
    worker.join(SECONDS)
    assert worker.exitcode == 0


def test_no_worker_is_a_fork_beside_another_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = []

    class Seen:
        def __init__(self, *_: object) -> None:
            pass

        def start(self) -> None:
            begun.append(type(self))

    class Forked(Seen):
        pass

    monkeypatch.setattr(loading, "Process", Seen)
    monkeypatch.setattr(loading, "Fork", Forked)
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    Loading().start(WorkerConfig("taskward.app:create_app", log_config=None), [])
    done.set()
    thread.join()
    assert begun == [Seen]
