"""The precondition: no checked transaction runs before it has agreed, and a crowd asks it once."""

import asyncio
import gc
from collections.abc import AsyncIterator

import pytest

from taskward.database.transaction import Database, Precondition
from taskward.database.url import conninfo
from taskward.errors import DatabaseUnavailableError
from tests.database.transactions import read_as

pytestmark = pytest.mark.quick

TIMEOUT = 0.2


class Asked:
    """A precondition that answers when it is told to, and counts how often it was asked."""

    def __init__(self) -> None:
        self.times = 0
        self.refuses = False
        self.may_answer = asyncio.Event()

    async def __call__(self, _: Database) -> None:
        self.times += 1
        await self.may_answer.wait()
        if self.refuses:
            raise LookupError("row-level security is missing")


@pytest.fixture
async def precondition() -> Asked:
    return Asked()


@pytest.fixture
async def database(database_url: str, precondition: Precondition) -> AsyncIterator[Database]:
    opened = Database(conninfo(database_url), pool_size=1, max_overflow=0, timeout=5, precondition=precondition)
    yield opened
    await opened.close()


async def crowd(database: Database) -> list[asyncio.Task[None]]:
    """Start ten transactions, and let each get as far as it can."""
    tasks = [asyncio.create_task(read_as(database, "alice")) for _ in range(10)]
    for _ in range(5):
        await asyncio.sleep(0)
    return tasks


async def test_a_crowd_that_is_refused_asks_once_and_not_one_after_the_other(
    database: Database, precondition: Asked
) -> None:
    precondition.refuses = True
    tasks = await crowd(database)
    precondition.may_answer.set()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(answer) for answer in answers] == [DatabaseUnavailableError] * 10
    assert precondition.times == 1


async def test_after_a_refusal_the_next_unit_asks_again(database: Database, precondition: Asked) -> None:
    precondition.may_answer.set()
    precondition.refuses = True
    with pytest.raises(DatabaseUnavailableError):
        await read_as(database, "alice")
    precondition.refuses = False
    await read_as(database, "alice")
    await read_as(database, "alice")
    assert precondition.times == 2


async def test_a_client_who_goes_away_does_not_take_the_question_along(
    database: Database, precondition: Asked
) -> None:
    first, *others = await crowd(database)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    precondition.may_answer.set()
    await asyncio.gather(*others)
    assert precondition.times == 1


async def test_a_refusal_that_nobody_waits_for_any_more_is_no_error_of_the_event_loop(
    database: Database, precondition: Asked
) -> None:
    precondition.refuses = True
    before = asyncio.all_tasks()
    told: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    clients = await crowd(database)
    for client in clients:
        client.cancel()
    await asyncio.gather(*clients, return_exceptions=True)
    precondition.may_answer.set()
    while asyncio.all_tasks() - before:  # noqa: ASYNC110
        await asyncio.sleep(0)  # a turn of the loop is what is waited for
    clients.clear()
    del client  # they hold the refusal, and asyncio finds out when nobody does
    gc.collect()
    assert told == []


async def test_nobody_waits_for_the_guard_longer_than_for_an_answer(
    database_url: str, precondition: Asked
) -> None:
    database = Database(
        conninfo(database_url), pool_size=1, max_overflow=0, timeout=TIMEOUT, precondition=precondition
    )
    async with asyncio.timeout(30):
        with pytest.raises(DatabaseUnavailableError):
            await read_as(database, "alice")
    precondition.may_answer.set()
    await database.close()
