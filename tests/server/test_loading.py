"""The gate of a worker: it opens once, and not at all when nobody is left to open it."""

import os
from multiprocessing import get_context
from multiprocessing.connection import Connection

import pytest

from taskward.server.loading import Gate

SECONDS = 60
ENVIRONMENT = {"DATABASE_URL": "postgresql://somewhere/taskward", "LARGE": "x" * 100_000}  # more than a pipe holds


def wait_at(gate: Gate, tell: Connection) -> None:
    os.environ["PGPORT"] = "5433"  # which the embedded PostgreSQL takes out of the supervisor's
    tell.send("waits")
    gate.wait()
    tell.send(dict(os.environ))


@pytest.mark.parametrize("opens", [True, False])
def test_a_worker_begins_when_its_gate_opens_and_ends_when_it_never_will(*, opens: bool) -> None:
    gate = Gate()
    hear, tell = get_context("spawn").Pipe(duplex=False)
    worker = get_context("spawn").Process(target=wait_at, args=(gate, tell))
    worker.start()
    tell.close()
    assert hear.poll(SECONDS)
    assert hear.recv() == "waits"
    if opens:
        gate.open(ENVIRONMENT)
    del gate  # as when the supervisor ends
    assert hear.poll(SECONDS)
    if opens:
        assert hear.recv() == ENVIRONMENT
    else:
        with pytest.raises(EOFError):
            hear.recv()
    worker.join(SECONDS)
    assert worker.exitcode == 0
