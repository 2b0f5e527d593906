"""What a worker knows of log-ins that have ended, and when it asks."""

import asyncio
import math
from collections.abc import Collection
from timeit import repeat

import pytest

from taskward.auth.claims import Claims
from taskward.auth.log_ins import MAX_SECONDS, RENEW_SECONDS, LogIns, id_of, log_in_called
from taskward.errors import DatabaseUnavailableError, TokenExpiredError
from tests.profiles import SOAK

pytestmark = pytest.mark.quick

ONE, OTHER = b"1" * 32, b"2" * 32
REQUESTS = 100_000  # in far less than the two seconds after which it is asked again
MOST_SECONDS = 2e-6


class Asked:
    """What is asked, and what is answered."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.asked: list[str | None] = []
        self.ended: Collection[bytes] | None = set()
        self.away = False
        self.gate = asyncio.Event()
        self.gate.set()
        self.forgotten: list[Collection[bytes] | None] = []
        self.log_ins = LogIns(self.ended_since, self.goes_on, lambda: self.now)
        self.log_ins.forget = self.forgotten.append

    async def ended_since(self, moment: str | None) -> tuple[str, Collection[bytes] | None]:
        self.asked.append(moment)
        await self.gate.wait()
        if self.away:
            raise DatabaseUnavailableError
        return str(len(self.asked)), self.ended

    async def goes_on(self, user_id: str, log_in: bytes) -> bool:
        return (user_id, log_in) == ("alice", ONE)


@pytest.fixture
async def database() -> Asked:
    return Asked()


async def test_the_first_request_waits_and_those_after_it_do_not(database: Asked) -> None:
    assert database.log_ins.outdated()
    await database.log_ins.look()
    assert not database.log_ins.outdated()
    assert database.asked == [None]


async def test_it_is_asked_again_beside_the_requests_which_wait_only_where_that_takes_too_long(
    database: Asked,
) -> None:
    await database.log_ins.look()
    database.now += RENEW_SECONDS - 0.1
    assert not database.log_ins.outdated()
    database.gate.clear()
    database.now += 0.1
    assert not database.log_ins.outdated()
    await asyncio.sleep(0)
    assert database.asked == [None, "1"], "on its way, and nobody waits"
    database.now += MAX_SECONDS - RENEW_SECONDS
    assert database.log_ins.outdated(), "no request goes on with what is known from longer ago"
    database.gate.set()
    await database.log_ins.look()
    assert database.asked == [None, "1"]
    assert not database.log_ins.outdated(), "it counts from when it was asked"
    database.now += RENEW_SECONDS
    assert database.log_ins.outdated(), "it counts from when it was asked"


async def test_a_crowd_asks_once(database: Asked) -> None:
    await asyncio.gather(*(database.log_ins.look() for _ in range(50)))
    assert database.asked == [None]


async def test_whoever_goes_away_does_not_take_the_question_along(database: Asked) -> None:
    database.gate.clear()
    goes, stays = (asyncio.create_task(database.log_ins.look()) for _ in range(2))
    await asyncio.sleep(0)
    goes.cancel()
    await asyncio.wait([goes])
    database.gate.set()
    await stays
    assert not database.log_ins.outdated()


async def test_what_has_ended_is_forgotten(database: Asked) -> None:
    for ended in ({ONE}, set[bytes](), None):
        database.ended = ended
        await database.log_ins.look()
    assert database.forgotten == [{ONE}, set(), None]


async def test_without_a_response_nobody_goes_on_for_long(database: Asked) -> None:
    await database.log_ins.look()
    database.away = True
    database.now += MAX_SECONDS
    for _ in range(2):
        assert database.log_ins.outdated()
        with pytest.raises(DatabaseUnavailableError):
            await database.log_ins.look()
    database.away = False
    await database.log_ins.look()
    assert database.asked == [None, "1", "1", "1"], "from where it knew all"
    assert not database.log_ins.outdated()


async def test_a_log_in_goes_on_for_its_own_user_alone(database: Asked) -> None:
    await database.log_ins.check("alice", ONE)
    for user_id, log_in in (("alice", OTHER), ("bob", ONE)):
        with pytest.raises(TokenExpiredError):
            await database.log_ins.check(user_id, log_in)


async def test_looking_ends_with_the_service(database: Asked) -> None:
    await database.log_ins.close()
    database.gate.clear()
    database.log_ins.outdated()
    await asyncio.sleep(0)
    await database.log_ins.close()
    database.gate.set()
    assert database.forgotten == []


def test_a_log_in_has_one_name() -> None:
    name = id_of(ONE)
    assert log_in_called(name) == ONE
    wrong: list[object] = [
        None, 1, "", name[:-1], name + "A", name + "=", name[:-1] + "F", name.replace("M", "+", 1), name + "\n",
        [name],
    ]  # fmt: skip
    for text in wrong:
        assert log_in_called(text) is None, text


@pytest.mark.soak
@pytest.mark.skipif(not SOAK, reason="needs a machine for itself: make soak")
async def test_a_request_costs_two_microseconds_more_at_most(database: Asked) -> None:
    """What api/current_user.py asks of every request whose token is known."""
    log_ins = LogIns(database.ended_since, database.goes_on)
    await log_ins.look()
    claims = Claims("alice", math.inf, ONE)
    seconds = min(repeat(lambda: claims.log_in is not None and log_ins.outdated(), number=REQUESTS)) / REQUESTS
    print(f"whether log-ins have ended costs a request {seconds * 1e6:.2f} us")  # noqa: T201
    assert database.asked == [None], "nobody asked again"
    assert seconds <= MOST_SECONDS
