import pytest

from taskward.rate_limits.windows import LocalCounters

pytestmark = pytest.mark.quick

MINUTE = 60.0


class Clock:
    """A clock that goes when it is told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def test_a_window_begins_with_the_first_event_and_ends_with_time(clock: Clock) -> None:
    counters = LocalCounters(MINUTE, clock)
    assert counters.peek("alice") is None
    assert [(await counters.count("alice")).count for _ in range(3)] == [1, 2, 3]
    clock.now += 59.9
    window = await counters.count("alice")
    assert (window.count, window.ends) == (4, 1060.0)
    clock.now += 0.1
    assert counters.peek("alice") is None
    window = await counters.count("alice")
    assert (window.count, window.ends) == (1, 1120.0)


async def test_keys_are_counted_apart(clock: Clock) -> None:
    counters = LocalCounters(MINUTE, clock)
    await counters.count("alice")
    await counters.count("alice")
    assert (await counters.count("bob")).count == 1
    assert (await counters.count("alice")).count == 3


async def test_memory_is_bounded_however_many_keys_there_are(clock: Clock) -> None:
    counters = LocalCounters(MINUTE, clock, max_keys=100)
    for number in range(10_000):
        await counters.count(f"address {number}")
        assert len(counters) <= 100
    assert counters.peek("address 9999")
    assert counters.peek("address 9950"), "the oldest go first"
    assert counters.peek("address 9800") is None


async def test_windows_that_have_ended_are_let_go(clock: Clock) -> None:
    counters = LocalCounters(MINUTE, clock)
    for number in range(1000):
        await counters.count(f"address {number}")
    clock.now += MINUTE
    for number in range(500):
        await counters.count(f"another {number}")
    assert len(counters) == 500


async def test_who_begins_anew_is_the_newest(clock: Clock) -> None:
    counters = LocalCounters(MINUTE, clock)
    for key in ("first", "second", "third", "alice", "bob"):
        await counters.count(key)
    clock.now += MINUTE
    await counters.count("alice")  # lets go of the first and the second
    await counters.count("charlie")  # of the third and of bob, for alice is not before them any more
    assert len(counters) == 2
    assert counters.peek("alice")
