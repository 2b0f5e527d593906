"""kill -9 at random instants of whatever can be killed, under 32 writers: nothing acknowledged is lost."""

import asyncio
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.citus.cluster import one_server
from tests.cli.command import command_line, workers_of
from tests.conftest import SECRET
from tests.faults.writers import Ledger, Writer
from tests.profiles import by_profile
from tests.service import Service

WRITERS = 32


@pytest.fixture
def service() -> Iterator[Service]:
    settings = {"WORKERS": "2", "JWT_SECRET_KEY": SECRET}
    with tempfile.TemporaryDirectory(prefix="taskward-") as folder, Service(Path(folder) / "data", settings) as it:
        yield it


def database(service: Service) -> list[psutil.Process]:
    return [psutil.Process(service.database_pid)]


def sessions(service: Service) -> list[psutil.Process]:
    return [child for child in database(service)[0].children() if "taskward taskward" in command_line(child)]


VICTIMS: list[Callable[[Service], list[psutil.Process]]] = [workers_of, database, sessions]


@one_server("tests/citus/test_kill.py kills those of a cluster")
@pytest.mark.soak
async def test_every_acknowledged_write_is_there_once_and_whole(service: Service) -> None:
    faults, writes_between = by_profile(6, 120), by_profile(40, 450)
    ledger, killed, enough = Ledger(), Counter[str](), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for number in range(WRITERS):
            group.create_task(Writer(service.url, number, ledger).write(enough))
        while killed.total() < faults:
            await more_writes(ledger, writes_between)
            await asyncio.sleep(random.uniform(0, 0.1))
            kind = VICTIMS[killed.total() % len(VICTIMS)]
            with suppress(psutil.NoSuchProcess, OSError, IndexError):  # gone already, with the one before
                random.choice(kind(service)).kill()
                killed[kind.__name__] += 1
        await more_writes(ledger, writes_between)
        enough.set()
    address = f"host={service.data_dir}/sockets user=postgres dbname=taskward"
    with psycopg.connect(address) as superuser:
        ledger.hold_against(superuser)
    print(  # noqa: T201
        f"\n{killed.total()} times kill -9 ({dict(killed)}) under {WRITERS} writers: {ledger.writes} acknowledged"
        f" writes are there, each once and whole; {len(ledger.unknown)} creates without a key were not"
        f" acknowledged; answers {dict(ledger.responses)} (None: the connection was lost)"
    )


async def more_writes(ledger: Ledger, wanted: int) -> None:
    goal = ledger.writes + wanted
    async with asyncio.timeout(120):
        while ledger.writes < goal:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
