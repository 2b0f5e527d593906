import re
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.requests import Request

from taskward.accounts.tokens import TokenService
from taskward.api.state import state_of
from taskward.app import create_app
from taskward.auth.issue import issue_token
from taskward.errors import RateLimitedError
from taskward.rate_limits.windows import LocalCounters, Window
from taskward.settings import Settings
from tests.client import Client, connect
from tests.conftest import SECRET

pytestmark = pytest.mark.quick

BAD = {"Authorization": "Bearer " + "x" * 32}
FORGED = {"Authorization": f"Bearer {issue_token('alice', b'y' * 32, 'HS256', 300)}"}
Make = Callable[..., FastAPI]

# Bob's path is refused to alice before anything is asked of a database, so nothing here needs one.
BOBS = "/api/bob/tasks"


@pytest.fixture
def make() -> Make:
    """Return a function that makes an application with limits."""

    def make(**limits: Any) -> FastAPI:
        return create_app(
            Settings(DATABASE_URL="postgresql://127.0.0.1:1/nothing", JWT_SECRET_KEY=SECRET, **limits)
        )

    return make


def bearer(user_id: str, lifetime_seconds: int = 300) -> dict[str, str]:
    return {"Authorization": f"Bearer {issue_token(user_id, SECRET.encode(), 'HS256', lifetime_seconds)}"}


async def statuses(client: Client, times: int, **request: object) -> list[int]:
    return [(await client.get(BOBS, **request)).status_code for _ in range(times)]  # type: ignore[arg-type]


async def test_failures_are_counted_by_address(make: Make) -> None:
    async with connect(make(AUTH_RATE_LIMIT="3/minute")) as anonymous:
        assert await statuses(anonymous, 4, headers=BAD) == [401, 401, 401, 429]
        response = await anonymous.get(BOBS, headers=BAD)
    assert (response.status_code, response.json()["code"]) == (429, "RATE_LIMITED")
    assert response.headers["ratelimit-policy"] == '"failures";q=3;w=60'
    seconds = int(re.fullmatch(r'"failures";r=0;t=(\d+)', response.headers["ratelimit"])[1])  # type: ignore[index]
    assert 55 <= seconds <= int(response.headers["retry-after"]) <= 60


async def test_requests_without_a_token_are_failures_too(make: Make) -> None:
    async with connect(make(AUTH_RATE_LIMIT="3/minute")) as anonymous:
        assert await statuses(anonymous, 4) == [401, 401, 401, 429]


@pytest.mark.parametrize("failing", [{}, BAD, FORGED], ids=["without a token", "no token", "forged"])
async def test_a_good_token_is_never_refused_for_what_others_of_its_address_did(
    make: Make, failing: dict[str, str]
) -> None:
    async with connect(make()) as client:
        assert await statuses(client, 25, headers=failing) == [401] * 20 + [429] * 5
        assert await statuses(client, 25, headers=bearer("alice")) == [403] * 25
        assert await statuses(client, 2, headers=bearer("alice", 600)) == [403] * 2, "one never seen before"
        assert await statuses(client, 2, headers=failing) == [429] * 2, "and what failed goes on to"


async def test_a_flood_of_forged_tokens_keeps_no_good_one_out(make: Make) -> None:
    async with connect(make()) as client:
        answered = []
        for number in range(300):
            forged = issue_token(f"user_{number}", b"y" * 32, "HS256", 300)
            answered += await statuses(client, 1, headers={"Authorization": f"Bearer {forged}"})
            assert await statuses(client, 1, headers=bearer("alice", 300 + number)) == [403]
    assert answered == [401] * 20 + [429] * 280


async def test_good_and_expired_tokens_are_no_failures(make: Make) -> None:
    async with connect(make(AUTH_RATE_LIMIT="1/minute")) as client:
        assert await statuses(client, 5, headers=bearer("alice", -60)) == [401] * 5
        assert await statuses(client, 5, headers=bearer("alice")) == [403] * 5


async def test_another_address_is_another_count(make: Make) -> None:
    app = make(AUTH_RATE_LIMIT="2/minute", TRUSTED_PROXIES="127.0.0.1")
    async with connect(app) as client:

        async def ask(forwarded: str) -> int:
            return (await client.get(BOBS, headers={**BAD, "X-Forwarded-For": forwarded})).status_code

        assert [await ask("192.0.2.1") for _ in range(3)] == [401, 401, 429]
        assert await ask("192.0.2.2") == 401
        assert [await ask(f"2001:db8::{number:x}") for number in range(3)] == [401, 401, 429], (
            "one network of 64 bits"
        )
        assert await ask("2001:db8:0:1::1") == 401
        assert await ask("192.0.2.77, 192.0.2.1") == 429, "made up by the client"


async def test_forged_headers_do_not_make_an_address_another(make: Make) -> None:
    async with connect(make(AUTH_RATE_LIMIT="2/minute")) as client:
        for number in range(10):
            forged = dict.fromkeys(("X-Forwarded-For", "X-Real-IP"), f"192.0.2.{number}")
            response = await client.get(BOBS, headers={**BAD, **forged, "Forwarded": f"for=192.0.2.{number}"})
            assert response.status_code == (401 if number < 2 else 429)


async def test_each_user_has_a_limit_of_their_own(make: Make) -> None:
    async with connect(make(RATE_LIMIT="3/minute")) as client:
        assert await statuses(client, 5, headers=bearer("alice")) == [403, 403, 403, 429, 429]
        assert await statuses(client, 1, headers=bearer("alice", 600)) == [429], "with any of her tokens"
        response = await client.get(BOBS, headers=bearer("charlie"))
    assert response.status_code == 403
    assert response.headers["ratelimit-policy"] == '"default";q=3;w=60'
    assert response.headers["ratelimit"] == '"default";r=2;t=60'


async def test_a_refusal_says_when_to_come_back(make: Make) -> None:
    async with connect(make(RATE_LIMIT="1/hour")) as client:
        await client.get(BOBS, headers=bearer("alice"))
        response = await client.get(BOBS, headers=bearer("alice"))
    assert response.json() == {
        "detail": "Too many requests. Please wait for as long as Retry-After says.",
        "code": "RATE_LIMITED",
    }
    assert response.headers.get_list("ratelimit-policy") == ['"default";q=1;w=3600']
    assert response.headers.get_list("ratelimit") == [f'"default";r=0;t={response.headers["retry-after"]}']
    assert 3590 <= int(response.headers["retry-after"]) <= 3600


async def test_a_token_that_is_not_verified_counts_for_no_user(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[str] = []
    count = LocalCounters.count

    async def recorded(counters: LocalCounters, key: str, *, together: bool = False) -> Window:
        counted.append(key)
        return await count(counters, key, together=together)

    monkeypatch.setattr(LocalCounters, "count", recorded)
    async with connect(make(RATE_LIMIT="2/minute")) as client:
        assert await statuses(client, 5, headers=FORGED) == [401] * 5
        assert len(set(counted)) == 1, "the address"
        assert "alice" not in counted
        assert await statuses(client, 3, headers=bearer("alice")) == [403, 403, 429]


async def test_refusals_are_counted_by_the_name_of_the_limit(make: Make) -> None:
    async with connect(make(RATE_LIMIT="1/minute", AUTH_RATE_LIMIT="1/minute")) as client:
        await statuses(client, 3, headers=bearer("alice"))
        await statuses(client, 2, headers=BAD)
        told = (await client.get("/metrics")).text
    assert 'taskward_rate_limit_refusals_total{limit="default"} 2.0' in told
    assert 'taskward_rate_limit_refusals_total{limit="failures"} 1.0' in told


async def test_health_and_documentation_are_not_limited(make: Make) -> None:
    async with connect(make(RATE_LIMIT="1/minute", AUTH_RATE_LIMIT="1/minute")) as client:
        for _ in range(3):
            response = await client.get("/health/live", headers=BAD)
            assert response.status_code == 200
            assert "ratelimit" not in response.headers


async def test_the_routes_of_accounts_count_before_any_work_is_done(make: Make) -> None:
    app = make(AUTH_RATE_LIMIT="2/minute")
    person = {"email": "alice@example.com", "password": "correct horse"}
    form = {"grant_type": "password", "username": person["email"], "password": person["password"]}
    async with connect(app) as anonymous:
        for _ in range(2):
            assert (await anonymous.post("/auth/token", data=form)).status_code == 503, "no work can be done"
        for response in (
            await anonymous.post("/auth/token", data=form),
            await anonymous.post("/auth/register", json=person),
        ):
            assert (response.status_code, response.json()["code"]) == (429, "RATE_LIMITED")
            assert response.headers["ratelimit-policy"] == '"log-in";q=2;w=60'


async def test_wrong_refresh_tokens_are_failures_of_the_address(make: Make) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": "no token"}
    async with connect(make(AUTH_RATE_LIMIT="2/minute")) as anonymous:
        assert [(await anonymous.post("/auth/token", data=form)).status_code for _ in range(3)] == [401, 401, 429]
        assert await statuses(anonymous, 1) == [429]
        assert await statuses(anonymous, 1, headers=bearer("alice")) == [403]


def log_in_from(address: str) -> Request:
    return Request({"type": "http", "client": (address, 1), "headers": []})


async def test_log_ins_are_counted_by_address(make: Make) -> None:
    limits = state_of(make(AUTH_RATE_LIMIT="3/minute")).rate_limits
    for person in ("alice", "bob", "charlie"):
        await limits.before_log_in(f"{person}@example.com", log_in_from("192.0.2.1"))
    with pytest.raises(RateLimitedError) as refused:
        await limits.before_log_in("another@example.com", log_in_from("192.0.2.1"))
    assert refused.value.headers["RateLimit-Policy"] == '"log-in";q=3;w=60'
    await limits.before_log_in("alice@example.com", log_in_from("192.0.2.2"))


async def test_log_ins_are_counted_by_account_from_wherever_they_come(make: Make) -> None:
    limits = state_of(make(AUTH_RATE_LIMIT="3/minute")).rate_limits
    for number, spelling in enumerate(("alice@example.com", "ALICE@example.com", "Alice@Example.Com")):
        await limits.before_log_in(spelling, log_in_from(f"192.0.2.{number}"))
    with pytest.raises(RateLimitedError) as refused:
        await limits.before_log_in("alice@example.com", log_in_from("192.0.2.9"))
    assert refused.value.headers["RateLimit-Policy"] == '"account";q=3;w=60'
    await limits.before_log_in("bob@example.com", log_in_from("192.0.2.9"))


async def test_what_is_kept_of_an_account_is_no_longer_for_a_long_name(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[int] = []
    begin = LocalCounters.begin

    def watched(self: LocalCounters, key: str, count: int, seconds: float) -> Window:
        kept.append(len(key))
        return begin(self, key, count, seconds)

    monkeypatch.setattr(LocalCounters, "begin", watched)
    limits = state_of(make()).rate_limits
    for name in ("alice@example.com", "\u0390" * 254):  # which is three times as long when it is folded
        await limits.before_log_in(name, log_in_from("192.0.2.1"))
    assert max(kept) == 64


@pytest.mark.parametrize("headers", [{}, BAD, bearer("alice")], ids=["without", "refused", "good"])
async def test_a_proxy_that_is_not_trusted_is_told_of_at_its_first_request(
    make: Make, headers: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    async with connect(make()) as client:
        await statuses(client, 3, headers={**headers, "X-Forwarded-For": "198.51.100.7"})
    told = [line for name, _, line in caplog.record_tuples if name == "taskward.rate_limits.client_address"]
    assert len(told) == 1
    assert told[0].startswith("127.0.0.1 says for whom it asks")


async def test_a_known_device_is_counted_by_itself_whatever_strangers_use_up(make: Make) -> None:
    limits = state_of(make(AUTH_RATE_LIMIT="3/minute")).rate_limits
    home = log_in_from("192.0.2.1")
    for _ in range(3):
        await limits.before_log_in("alice@example.com", home)
    with pytest.raises(RateLimitedError):
        await limits.before_log_in("alice@example.com", home)
    for number in range(3):
        await limits.before_log_in("alice@example.com", home if number else log_in_from("192.0.2.9"), "a device")
    with pytest.raises(RateLimitedError) as refused:
        await limits.before_log_in("alice@example.com", home, "a device")
    assert refused.value.headers["RateLimit-Policy"] == '"device";q=3;w=60'
    with pytest.raises(RateLimitedError) as refused:
        await limits.before_log_in("alice@example.com", home, "another device")
    assert refused.value.headers["RateLimit-Policy"] == '"device-log-in";q=3;w=60'
    await limits.before_log_in("bob@example.com", log_in_from("192.0.2.2"))


async def test_a_refresh_token_that_was_made_here_is_counted_by_its_family_alone(make: Make) -> None:
    app = make(RATE_LIMIT="2/minute", AUTH_RATE_LIMIT="1/minute")
    token, other = (state_of(app).service(TokenService).refresh_tokens.first().text for _ in range(2))
    async with connect(app) as anonymous:

        async def statuses_of(path: str, name: str, text: str, times: int) -> list[int]:
            form = {"grant_type": "refresh_token", name: text}
            return [(await anonymous.post(path, data=form)).status_code for _ in range(times)]

        assert await statuses_of("/auth/token", "refresh_token", "made up", 3) == [401, 429, 429]
        assert await statuses_of("/auth/revoke", "token", "made up", 1) == [429]
        assert await statuses_of("/auth/token", "refresh_token", token, 1) == [503], "the database is away"
        assert await statuses_of("/auth/revoke", "token", token, 2) == [503, 429]
        assert await statuses_of("/auth/revoke", "token", other, 1) == [503]
