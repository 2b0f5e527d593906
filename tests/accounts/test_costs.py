"""What accounts cost: the same for a wrong password as for an address that nobody has, and few round trips.

In `make test` what is compared is the time on a processor, argon2's threads included, and the round trips to the
database: neither depends on what else the machine does. `make soak` compares times on the clock, 200 of each.
"""

import time
from collections.abc import Awaitable, Callable
from statistics import median
from typing import Any

import psycopg
import pytest
from fastapi import FastAPI
from pwdlib.hashers.argon2 import Argon2Hasher

from taskward.api.state import state_of
from taskward.auth.passwords import Passwords
from taskward.settings import Settings
from tests.accounts.conftest import hash_by, logged_in
from tests.accounts.people import PASSWORD, ask, delete_me, log_in, refresh, register
from tests.client import Client
from tests.conftest import SECRET, UNLIMITED
from tests.profiles import SOAK
from tests.purges import purges_end
from tests.tasks.wire import CountingProxy

SAMPLES = 25
A_QUARTER = Argon2Hasher(time_cost=3, memory_cost=16 * 1024, parallelism=1)  # of the work, to be done in time
SAMPLES_ON_THE_CLOCK = 200
TOLERANCE = 0.05


@pytest.fixture
def settings(database_url: str, wire: CountingProxy) -> Settings:
    return Settings(
        DATABASE_URL=wire.behind(database_url),
        JWT_SECRET_KEY=SECRET,
        DB_POOL_SIZE=1,
        DB_MAX_OVERFLOW=0,
        AUTH_RATE_LIMIT=UNLIMITED,
    )


async def medians(client: Client, clock: Callable[[], float], samples: int) -> tuple[float, float]:
    """Return the median seconds of a refusal for alice, who has an account, and for bob, who has none."""
    seconds: dict[str, list[float]] = {"alice": [], "bob": []}
    for _ in range(samples):
        for person in seconds:  # in turns, so that whatever else happens happens to both
            before = clock()
            await refusal(client, person)
            seconds[person].append(clock() - before)
    return median(seconds["alice"]), median(seconds["bob"])


async def medians_of_registering(client: Client, samples: int) -> tuple[float, float]:
    """Return the median seconds of registering an address that is taken, and one that is free."""
    seconds: dict[bool, list[float]] = {True: [], False: []}
    for number in range(samples):
        for taken in seconds:
            email = "alice@example.com" if taken else f"somebody{number}@example.com"
            before = time.perf_counter()
            response = await client.post("/auth/register", json={"email": email, "password": PASSWORD})
            seconds[taken].append(time.perf_counter() - before)
            assert response.status_code == (409 if taken else 201)
    return median(seconds[True]), median(seconds[False])


async def refusal(client: Client, person: str) -> None:
    response = await ask(
        client, grant_type="password", username=f"{person}@example.com", password="battery staple"
    )
    assert response.json()["code"] == "CREDENTIALS_INVALID"


async def test_a_refusal_costs_the_same_work_whoever_it_is_for(app: FastAPI, anonymous: Client) -> None:
    hash_by(app, Passwords(A_QUARTER))
    await register(anonymous, "alice")
    for _ in range(3):  # what else the machine does costs caches, and so time on the processor, but not each time
        alice, bob = await medians(anonymous, time.process_time, SAMPLES)
        if bob == pytest.approx(alice, rel=TOLERANCE):
            return
    assert bob == pytest.approx(alice, rel=TOLERANCE)


async def test_a_refusal_is_one_round_trip_whoever_it_is_for(anonymous: Client, wire: CountingProxy) -> None:
    await register(anonymous, "alice")
    for person in ("alice", "bob"):
        before = wire.round_trips
        await refusal(anonymous, person)
        assert wire.round_trips - before == 1


@pytest.mark.usefixtures("quick_passwords")
async def test_a_user_of_an_account_costs_no_more_than_any_other(
    app: FastAPI, anonymous: Client, wire: CountingProxy
) -> None:
    async def costs(expected: int, request: Awaitable[Any]) -> Any:
        before = wire.round_trips
        response = await request
        assert wire.round_trips - before == expected
        return response

    await log_in_once(anonymous)
    for number in range(8):  # the driver prepares a statement when it has run five times
        await costs(1, register(anonymous, f"alice{number}"))
        tokens = await costs(2, log_in(anonymous, f"alice{number}"))
        await costs(1, refresh(anonymous, tokens["refresh_token"]))
        async with logged_in(app, tokens) as alice:
            await state_of(app).log_ins.look()  # once in two seconds, for all users together
            # A new token: whether its log-in goes on. It finds nothing: whether there is such an account.
            await costs(3, alice.get("/tasks"))
            for _ in range(2):  # the first write makes the user
                response = await costs(1, alice.post("/tasks", json={"title": "Buy milk"}))
                assert response.status_code == 201
            await costs(1, alice.get(f"/tasks/{response.json()['id']}"))
            await costs(1, alice.get("/tasks?status=completed"))
            await costs(1, alice.get("/auth/me"))
            await costs(2, delete_me(alice))
            assert (await costs(1, alice.post("/tasks", json={"title": "Buy milk"}))).status_code == 401


async def log_in_once(client: Client) -> None:
    """Set off the purge, whose round trip is not to be counted."""
    await register(client, "bob")
    await log_in(client, "bob")
    await purges_end()


@pytest.mark.soak
@pytest.mark.skipif(not SOAK, reason="needs a machine for itself: make soak")
async def test_a_refusal_takes_the_same_time_whoever_it_is_for(app: FastAPI, anonymous: Client) -> None:
    await register(anonymous, "alice")
    alice, bob = await medians(anonymous, time.perf_counter, SAMPLES_ON_THE_CLOCK)
    print(f"refused in {alice * 1000:.1f} ms with an account, in {bob * 1000:.1f} ms without")  # noqa: T201
    assert bob == pytest.approx(alice, rel=TOLERANCE)


@pytest.mark.soak
@pytest.mark.skipif(not SOAK, reason="needs a machine for itself: make soak")
async def test_registering_takes_the_same_time_whether_an_address_is_taken_or_free(anonymous: Client) -> None:
    await register(anonymous, "alice")
    taken, free = await medians_of_registering(anonymous, SAMPLES_ON_THE_CLOCK)
    print(f"registered in {free * 1000:.1f} ms, told that it is taken in {taken * 1000:.1f} ms")  # noqa: T201
    assert taken == pytest.approx(free, rel=TOLERANCE)


@pytest.mark.soak
@pytest.mark.skipif(not SOAK, reason="needs a machine for itself: make soak")
async def test_a_disabled_account_is_refused_in_the_same_time_as_one_that_is_not_there(
    anonymous: Client, superuser: psycopg.Connection
) -> None:
    await register(anonymous, "alice")
    superuser.execute("UPDATE accounts SET disabled_at = now()")
    alice, bob = await medians(anonymous, time.perf_counter, SAMPLES_ON_THE_CLOCK)
    print(f"refused in {alice * 1000:.1f} ms where disabled, in {bob * 1000:.1f} ms without an account")  # noqa: T201
    assert bob == pytest.approx(alice, rel=TOLERANCE)
