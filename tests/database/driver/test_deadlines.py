"""When the time of a transaction is up: for each its own, by one timer for all."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import uvloop

from taskward.database.driver.deadlines import Deadlines
from taskward.database.driver.exchange import PendingTransaction

pytestmark = pytest.mark.quick


@pytest.fixture
async def timers(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The times at which the loop was told to call somebody."""
    loop = asyncio.get_running_loop()
    told: list[float] = []
    call_at = loop.call_at

    def counted(when: float, callback: Callable[..., Any], *args: Any, **kwargs: Any) -> asyncio.TimerHandle:
        told.append(when)
        return call_at(when, callback, *args, **kwargs)

    monkeypatch.setattr(loop, "call_at", counted)
    return told


async def test_each_fails_when_its_own_time_is_up_and_no_other_one_does(timers: list[float]) -> None:
    deadlines, now = Deadlines(), asyncio.get_running_loop().time()
    late, early, answered, removed = (PendingTransaction([]) for _ in range(4))
    deadlines.add(late, now + 60)
    deadlines.add(early, now + 0.02)  # one that is tried again has less time left than those that came after it
    deadlines.add(answered, now + 0.02)
    deadlines.add(removed, now + 0.02)
    deadlines.remove(removed)
    answered.settle([])
    with pytest.raises(TimeoutError):
        await early.outcome()
    assert asyncio.get_running_loop().time() >= now + 0.019
    assert await answered.outcome() == []
    assert not late.answer.done()
    assert not removed.answer.done()
    assert timers[-1] == now + 60
    deadlines.close()


async def test_a_thousand_that_come_and_go_set_one_timer(timers: list[float]) -> None:
    deadlines, now = Deadlines(), asyncio.get_running_loop().time()
    for number in range(1000):
        transaction = PendingTransaction([])
        deadlines.add(transaction, now + 2 + number / 1000)
        deadlines.remove(transaction)
    assert timers == [now + 2]
    deadlines.close()


def test_a_time_that_is_up_already_keeps_nobody_else_from_coming() -> None:
    """uvloop has no timer for it, and what it has instead does not know its time."""

    async def both() -> None:
        deadlines, now = Deadlines(), asyncio.get_running_loop().time()
        late, later = PendingTransaction([]), PendingTransaction([])
        deadlines.add(late, now)
        deadlines.add(later, now + 60)
        with pytest.raises(TimeoutError):
            await late.outcome()
        assert not later.answer.done()
        deadlines.close()

    uvloop.run(both())


async def test_it_looks_again_after_it_had_nothing_to_do() -> None:
    deadlines, now = Deadlines(), asyncio.get_running_loop().time()
    gone, comes = PendingTransaction([]), PendingTransaction([])
    deadlines.add(gone, now)
    with pytest.raises(TimeoutError):
        await gone.outcome()
    deadlines.remove(gone)
    deadlines.add(comes, now)
    with pytest.raises(TimeoutError):
        await comes.outcome()
