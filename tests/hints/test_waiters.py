"""Waiting itself, without a request or a database."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack

import pytest

from taskward.errors import TooManyWaitingError
from taskward.hints.waiters import AT_LEAST_SECONDS, HINT_BYTES, MOST_OF_A_USER, Waiter, Waiters, hint_of

pytestmark = pytest.mark.quick


class Told:
    """What becomes of somebody who waits."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.waiters = Waiters(1000, lambda: self.events.append("first"), lambda: self.events.append("last"))


async def never() -> None:
    await asyncio.Event().wait()


def soon() -> float:
    return asyncio.get_running_loop().time() + 30


async def begun(waiter: Waiter, gone: Callable[[], Awaitable[None]] = never) -> asyncio.Task[bool]:
    task = asyncio.create_task(waiter.wait(soon(), gone))
    await asyncio.sleep(0)
    return task


async def test_a_hint_wakes_and_a_second_one_at_the_same_moment_does_nothing_more() -> None:
    with Told().waiters.waiter("alice") as waiter:
        waiting = await begun(waiter)
        waiter.hint()
        waiter.hint()
        assert await waiting
        assert not await waiter.wait(0, never), "it has been heard"


async def test_a_hint_while_it_ends_is_there_the_next_time() -> None:
    with Told().waiters.waiter("alice") as waiter:
        waiting = await begun(waiter)
        waiter.hint()
        asyncio.get_running_loop().call_soon(waiter.hint)
        assert await waiting
        await asyncio.sleep(0)
        waiter.hint()
        assert await waiter.wait(0, never)


async def test_a_hint_before_the_waiting_is_kept() -> None:
    told = Told()
    with told.waiters.waiter("alice") as waiter:
        told.waiters.hint(hint_of("alice"))
        assert await waiter.wait(soon(), never)


async def test_without_a_hint_the_time_is_up() -> None:
    with Told().waiters.waiter("alice") as waiter:
        assert not await waiter.wait(asyncio.get_running_loop().time() + 0.01, never)


async def test_who_has_gone_is_not_waited_for() -> None:
    class GoneError(Exception):
        pass

    async def gone() -> None:
        raise GoneError

    told = Told()
    with pytest.raises(GoneError), told.waiters.waiter("alice") as waiter:
        await waiter.wait(soon(), gone)
    assert len(told.waiters) == 0


async def test_a_hint_is_for_one_user() -> None:
    told = Told()
    with told.waiters.waiter("alice") as alices, told.waiters.waiter("bob") as bobs:
        told.waiters.hint(hint_of("bob"))
        assert not await alices.wait(0, never)
        assert await bobs.wait(0, never)
        told.waiters.hint_all()
        assert await alices.wait(0, never)
        assert await bobs.wait(0, never)


async def test_the_end_is_for_all_and_for_those_who_come_later() -> None:
    told = Told()
    with told.waiters.waiter("alice") as alices:
        waiting = await begun(alices)
        told.waiters.end()
        assert not await waiting
    with told.waiters.waiter("bob") as bobs:
        assert not await bobs.wait(soon(), never)


async def test_the_first_and_the_last_are_told_of() -> None:
    told = Told()
    with told.waiters.waiter("alice"):
        with told.waiters.waiter("bob"):
            assert told.events == ["first"]
        assert len(told.waiters) == 1
    assert told.events == ["first", "last"]
    with told.waiters.waiter("alice"):
        assert told.events == ["first", "last", "first"]


def test_a_user_has_eight_and_another_user_as_many() -> None:
    told = Told()
    with ExitStack() as stack:
        for user in ("alice", "bob"):
            for _ in range(MOST_OF_A_USER):
                stack.enter_context(told.waiters.waiter(user))
        with pytest.raises(TooManyWaitingError), told.waiters.waiter("alice"):
            pass
        assert len(told.waiters) == 16
    assert (len(told.waiters), told.waiters.by_user()) == (0, [])


async def test_of_too_many_the_longest_waiting_ends_once_it_has_waited_for_a_while() -> None:
    waiters = Waiters(2, lambda: None, lambda: None)
    with ExitStack() as stack:
        longest, other = [stack.enter_context(waiters.waiter(user)) for user in ("alice", "bob")]
        with pytest.raises(TooManyWaitingError, match="room"), waiters.waiter("charlie"):
            pass
        assert len(waiters) == 2
        longest.since -= AT_LEAST_SECONDS
        last = stack.enter_context(waiters.waiter("charlie"))
        assert [each._ended for each in (longest, other, last)] == [True, False, False]  # noqa: SLF001


def test_a_hint_tells_no_name() -> None:
    assert len(hint_of("alice")) == HINT_BYTES
    assert hint_of("alice") != hint_of("bob")
    assert b"alice" not in hint_of("alice")
    assert len(hint_of("\udcff")) == HINT_BYTES, "also of what is no text"
