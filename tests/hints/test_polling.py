"""Where nobody tells of what others write: the database is asked about those who wait, and only while they do."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest
from fastapi import FastAPI

from taskward.api.state import state_of
from taskward.settings import Settings
from tests.accounts.people import delete_me, log_in, register
from tests.client import Client, connect
from tests.conftest import SECRET, started
from tests.hints.waiting import answer_of, ask, count_reads, until, waiting, write

SECONDS = 0.05


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"changes_poll_seconds": SECONDS})


@pytest.fixture
async def elsewhere(settings: Settings) -> AsyncIterator[FastAPI]:
    """A second service on the same database, which has no way to tell the first."""
    async with started(settings.model_copy(update={"changes_poll_seconds": 0})) as application:
        yield application


async def test_what_is_written_elsewhere_ends_the_wait_of_its_user_alone(
    app: FastAPI, alice: Client, bob: Client, elsewhere: FastAPI
) -> None:
    revision = await write(alice)
    asked, bobs = ask(alice, revision), ask(bob)
    await waiting(app, 2)
    async with connect(elsewhere, "alice", SECRET) as alice_elsewhere:
        await write(alice_elsewhere, "From elsewhere")
    assert [task["title"] for task in (await answer_of(asked))["tasks"]] == ["From elsewhere"]
    assert not bobs.done()
    state_of(app).hints.waiters.end()
    await answer_of(bobs)


async def test_each_user_who_waits_is_one_read_a_round_and_nobody_none(
    app: FastAPI, alice: Client, bob: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    await write(alice)
    reads = count_reads(monkeypatch)
    await asyncio.sleep(5 * SECONDS)
    assert reads == {}, "nobody waits"
    asked = [*(ask(alice, 1) for _ in range(3)), ask(bob)]
    await waiting(app, 4)
    before = reads.copy()
    await until(lambda: reads["bob"] >= before["bob"] + 5)
    assert abs((reads["alice"] - before["alice"]) - (reads["bob"] - before["bob"])) <= 1
    assert set(reads) == {"alice", "bob"}
    assert not any(each.done() for each in asked)
    state_of(app).hints.waiters.end()
    await asyncio.gather(*map(answer_of, asked))
    reads.clear()
    await asyncio.sleep(5 * SECONDS)
    assert reads == {}, "nobody waits any more"


async def test_with_zero_nobody_is_asked_about(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    never = settings.model_copy(update={"changes_poll_seconds": 0})
    async with started(never) as app, connect(app, "alice", SECRET) as alice:
        asked = ask(alice)
        await waiting(app)
        reads = count_reads(monkeypatch)
        await asyncio.sleep(5 * SECONDS)
        assert reads == {}
        state_of(app).hints.waiters.end()
        await answer_of(asked)


async def test_a_user_who_is_deleted_elsewhere_waits_no_longer(
    app: FastAPI, anonymous: Client, elsewhere: FastAPI
) -> None:
    await register(anonymous, "alice")
    headers = {"Authorization": f"Bearer {(await log_in(anonymous, 'alice'))['access_token']}"}
    async with AsyncExitStack() as stack:
        here, there = [await stack.enter_async_context(connect(each)) for each in (app, elsewhere)]
        for client in (here, there):
            client.headers.update(headers)
        revision = await write(there)
        asked = ask(here, revision)
        await waiting(app)
        assert (await delete_me(there)).status_code == 204
        async with asyncio.timeout(20):
            response = await asked
        assert (response.status_code, response.json()["code"]) == (401, "TOKEN_INVALID")


async def test_a_database_that_is_away_is_waited_for(
    app: FastAPI, alice: Client, take_database_away: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ask(alice, seconds=3)
    await waiting(app)
    take_database_away()
    reads = count_reads(monkeypatch)
    await until(lambda: reads["alice"] >= 3)
    assert not asked.done()
    assert (await answer_of(asked))["tasks"] == []


async def test_a_look_that_fails_is_not_the_last_one(
    app: FastAPI, alice: Client, elsewhere: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    polling = state_of(app).hints._polling  # noqa: SLF001
    assert polling is not None
    look = polling._revision_of  # noqa: SLF001
    failed: list[str] = []

    async def fail_once(user_id: str) -> int:
        if failed:
            return await look(user_id)
        failed.append(user_id)
        raise RuntimeError

    monkeypatch.setattr(polling, "_revision_of", fail_once)
    asked = ask(alice)
    await waiting(app)
    await until(lambda: bool(failed))
    async with connect(elsewhere, "alice", SECRET) as there:
        await write(there)
    assert len((await answer_of(asked))["tasks"]) == 1
