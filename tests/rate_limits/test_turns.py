"""So many connections are read at a time, and the others in the order in which they came."""

import asyncio

import pytest

from taskward.rate_limits.turns import Turn, Turns

pytestmark = pytest.mark.quick


class Reader:
    """A connection, each with one request that has come as a whole."""

    def __init__(self, turns: Turns, order: list["Reader"]) -> None:
        self._turns = turns
        self._order = order
        self.read = asyncio.Event()

    def take_turn(self, waited: float) -> None:
        self.waited = waited
        self._order.append(self)
        self.read.set()
        self.turn = Turn(self._turns, waited)
        self.turn.begin()


@pytest.fixture
def order() -> list[Reader]:
    """Those that were read."""
    return []


@pytest.fixture
async def readers(order: list[Reader], monkeypatch: pytest.MonkeyPatch) -> list[Reader]:
    """Eight connections, of which four are read at a time, in groups of three, and nothing takes long."""
    monkeypatch.setattr("taskward.rate_limits.turns.AT_ONCE", 4)
    monkeypatch.setattr("taskward.rate_limits.turns.GROUP", 3)
    monkeypatch.setattr("taskward.rate_limits.turns.LONG", 60)
    turns = Turns(asyncio.get_running_loop(), lambda: 0)
    readers = [Reader(turns, order) for _ in range(8)]
    for reader in readers:
        turns.line_up(reader)
    return readers


async def round_of_the_loop() -> None:
    await asyncio.sleep(0)


async def test_so_many_are_read_and_the_others_by_groups_in_their_order(
    readers: list[Reader], order: list[Reader]
) -> None:
    assert order == readers[:4]
    for reader in readers[:2]:
        reader.turn.end()
        await round_of_the_loop()
        assert order == readers[:4]
    readers[3].turn.end()
    assert order == readers[:4]  # not within what ends
    await round_of_the_loop()
    assert order == readers[:7]
    assert all(reader.waited == 0 for reader in readers[:4])


async def test_a_turn_that_ends_twice_counts_once(readers: list[Reader], order: list[Reader]) -> None:
    for _ in range(3):
        readers[0].turn.end()
    await round_of_the_loop()
    assert order == readers[:4]


async def test_what_comes_as_a_whole_after_its_end_is_not_counted(readers: list[Reader]) -> None:
    for reader in readers[:4]:
        reader.turn.end()
        reader.turn.begin()
    await round_of_the_loop()
    assert readers[4].read.is_set()


async def test_who_has_left_is_not_read(readers: list[Reader], order: list[Reader]) -> None:
    readers[0]._turns.leave(readers[4])  # noqa: SLF001
    for reader in readers[:3]:
        reader.turn.end()
    await round_of_the_loop()
    assert order == [*readers[:4], *readers[5:8]]


async def test_with_a_database_far_away_more_are_read(readers: list[Reader], order: list[Reader]) -> None:
    order.clear()
    far = Turns(asyncio.get_running_loop(), lambda: 0.001)
    for reader in (Reader(far, order) for _ in range(100)):
        far.line_up(reader)
    assert len(order) == 4 + 20


async def test_what_lasts_long_holds_up_nobody(
    order: list[Reader], readers: list[Reader], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("taskward.rate_limits.turns.LONG", 0.01)
    turns = Turns(asyncio.get_running_loop(), lambda: 0)
    stuck = [Reader(turns, order) for _ in range(12)]
    for reader in stuck:
        turns.line_up(reader)
    assert not stuck[4].read.is_set()
    async with asyncio.timeout(20):
        await stuck[-1].read.wait()
    assert order[4:] == stuck
    assert stuck[-1].waited > stuck[4].waited > 0
