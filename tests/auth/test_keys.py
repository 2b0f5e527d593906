"""When keys are fetched, how long they are kept, and what is done when they are not to be had."""

import asyncio
import logging
import secrets

import pytest

from taskward.auth import keys as module
from taskward.auth.keys import ProviderKeys
from taskward.errors import KeysUnavailableError, TokenInvalidError
from tests.auth.provider import Clock, KeyServer, Pair

pytestmark = pytest.mark.quick

DAY = 24 * 60 * 60


async def found(provider: ProviderKeys, pair: Pair) -> bool:
    """Whether the provider has the key; anything but a refusal as unknown is a failure of the test."""
    return await found_kid(provider, pair.kid)


async def found_kid(provider: ProviderKeys, kid: str) -> bool:
    try:
        return (await provider.find("EdDSA", kid)).kid == kid
    except TokenInvalidError:
        return False


async def test_keys_are_fetched_when_the_first_is_missed(
    provider: ProviderKeys, key_server: KeyServer, pair: Pair
) -> None:
    assert key_server.requests == 0
    assert await found(provider, pair)
    assert await found(provider, pair)
    assert key_server.paths == ["/api/auth/jwks"]


async def test_100_simultaneous_first_requests_are_one_fetch(
    provider: ProviderKeys, key_server: KeyServer, pair: Pair
) -> None:
    assert await asyncio.gather(*(found(provider, pair) for _ in range(100))) == [True] * 100
    assert key_server.requests == 1


async def test_10000_made_up_kids_in_10_seconds_are_one_fetch(
    provider: ProviderKeys, key_server: KeyServer, pair: Pair, clock: Clock
) -> None:
    await found(provider, pair)
    clock.now += 600
    for _ in range(10_000):
        clock.now += 10 / 10_000
        assert not await found_kid(provider, secrets.token_hex(8))
    assert key_server.requests == 2


async def test_10000_made_up_kids_in_10_seconds_without_any_key_are_a_fetch_every_2_seconds(
    provider: ProviderKeys, key_server: KeyServer, clock: Clock
) -> None:
    key_server.response_bytes(b"", 500)
    for _ in range(10_000):
        clock.now += 10 / 10_000
        with pytest.raises(KeysUnavailableError):
            await provider.find("EdDSA", secrets.token_hex(8))
    assert key_server.requests == 5


async def test_a_new_key_is_found_30_seconds_after_the_last_fetch(
    provider: ProviderKeys, key_server: KeyServer, pair: Pair, clock: Clock
) -> None:
    new = Pair("EdDSA", "new")
    assert await found(provider, pair)
    key_server.publish(pair, new)
    clock.now += 29.9
    assert not await found(provider, new)
    clock.now += 0.1
    assert await found(provider, new)
    assert key_server.requests == 2


async def test_a_clock_that_is_put_back_stops_no_fetch(
    provider: ProviderKeys, key_server: KeyServer, pair: Pair, clock: Clock
) -> None:
    new = Pair("EdDSA", "new")
    assert await found(provider, pair)
    key_server.publish(new)
    clock.now -= 3600
    assert await found(provider, new)


async def test_a_key_that_is_published_no_more_is_found_no_more(
    provider: ProviderKeys, key_server: KeyServer, pair: Pair, clock: Clock
) -> None:
    old = await provider.find(pair.algorithm, pair.kid)
    key_server.publish(Pair("EdDSA", "new"))
    clock.now += 30
    await provider.refresh()
    assert not await found(provider, pair)
    assert old.trusted_until == 0


async def test_a_key_that_is_published_again_is_the_same_key(
    provider: ProviderKeys, pair: Pair, clock: Clock
) -> None:
    first = await provider.find(pair.algorithm, pair.kid)
    clock.now += 600
    await provider.refresh()
    assert await provider.find(pair.algorithm, pair.kid) is first
    assert first.trusted_until == clock.now + DAY


async def test_another_key_under_the_same_name_is_another_key(
    provider: ProviderKeys, key_server: KeyServer, pair: Pair, clock: Clock
) -> None:
    first = await provider.find(pair.algorithm, pair.kid)
    other = Pair("EdDSA", "other").jwk(kid=pair.kid)
    key_server.response_json({"keys": [other]})
    clock.now += 30
    await provider.refresh()
    assert await provider.find(pair.algorithm, pair.kid) is not first
    assert first.trusted_until == 0


async def test_keys_that_cannot_be_fetched_again_are_kept_for_a_day(
    provider: ProviderKeys, key_server: KeyServer, pair: Pair, clock: Clock
) -> None:
    assert await found(provider, pair)
    key_server.response_bytes(b"", 500)
    for _ in range(23):
        clock.now += 3600
        await provider.refresh()
        assert await found(provider, pair)
    assert key_server.requests == 24
    clock.now += 3599
    assert await found(provider, pair)
    clock.now += 1
    with pytest.raises(KeysUnavailableError):
        await found(provider, pair)


async def test_keys_that_are_all_taken_back_are_gone(
    provider: ProviderKeys, key_server: KeyServer, pair: Pair, clock: Clock
) -> None:
    assert await found(provider, pair)
    key_server.publish()
    clock.now += 30
    await provider.refresh()
    with pytest.raises(KeysUnavailableError):
        await found(provider, pair)


async def test_without_keys_the_response_says_when_to_try_again(
    provider: ProviderKeys, key_server: KeyServer, pair: Pair, clock: Clock
) -> None:
    key_server.response_bytes(b"", 500)
    for passed, left in ((0, "2"), (0.9, "2"), (0.6, "1"), (0.4, "1")):
        clock.now += passed
        with pytest.raises(KeysUnavailableError) as away:
            await found(provider, pair)
        assert (away.value.status, away.value.headers["Retry-After"]) == (503, left)
    assert key_server.requests == 1
    key_server.publish(pair)
    clock.now += 0.11
    assert await found(provider, pair)


async def retry_after(provider: ProviderKeys, pair: Pair) -> str | None:
    with pytest.raises(TokenInvalidError) as refused:
        await provider.find("EdDSA", pair.kid)
    return refused.value.headers.get("Retry-After")


async def test_a_token_of_a_key_that_may_be_too_new_is_told_when_to_come_back(
    provider: ProviderKeys, key_server: KeyServer, pair: Pair, clock: Clock
) -> None:
    new = Pair("EdDSA", "new")
    assert await found(provider, pair)
    key_server.publish(pair, new)
    assert await retry_after(provider, new) == "30"
    clock.now += 10.5
    assert await retry_after(provider, new) == "20"
    clock.now += 19.4
    assert await retry_after(provider, new) == "1"
    clock.now += 1
    assert await found(provider, new)
    assert key_server.requests == 2


async def test_a_token_of_a_key_that_was_looked_for_just_now_is_not(
    provider: ProviderKeys, key_server: KeyServer, pair: Pair, clock: Clock
) -> None:
    stranger = Pair("EdDSA", "stranger")
    assert await retry_after(provider, stranger) is None, "nothing was known, so the keys were fetched"
    clock.now += 30
    assert await retry_after(provider, stranger) is None
    key_server.response_bytes(b"", 500)
    clock.now += 30
    assert await retry_after(provider, stranger) == "30", "nobody knows"


async def test_a_problem_that_goes_on_is_logged_once_and_its_end_too(
    provider: ProviderKeys, key_server: KeyServer, pair: Pair, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    await provider.refresh()
    caplog.clear()
    caplog.set_level(logging.INFO)
    for status in (500, 500, 503, 503, 200, 200, 503):
        key_server.response_json({"keys": [pair.jwk()]}, status)
        clock.now += 30
        await provider.refresh()
    told = [
        record.getMessage().rpartition(": ")[2].partition(" from")[0]
        for record in caplog.records
        if record.name == module.__name__
    ]
    assert told == ["the response is 500", "the response is 503", "1 keys", "the response is 503"]


async def test_a_client_who_goes_away_does_not_take_the_fetch_along(
    provider: ProviderKeys, key_server: KeyServer, pair: Pair
) -> None:
    impatient = asyncio.create_task(provider.find(pair.algorithm, pair.kid))
    patient = asyncio.create_task(provider.find(pair.algorithm, pair.kid))
    await asyncio.sleep(0)
    impatient.cancel()
    assert (await patient).kid == pair.kid
    assert impatient.cancelled()
    assert key_server.requests == 1


async def test_an_open_provider_fetches_again_and_again(
    provider: ProviderKeys, key_server: KeyServer, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (module.REFRESH_SECONDS, module.MIN_PAUSE_SECONDS, module.MIN_PAUSE_WITHOUT_KEYS_SECONDS) == (
        600,
        30,
        2,
    )
    monkeypatch.setattr(module, "REFRESH_SECONDS", 0.01)
    monkeypatch.setattr(module, "MIN_PAUSE_SECONDS", 0)
    provider.open()
    for status in (200, 500):
        if status == 500:
            key_server.response_bytes(b"", status)
        for _ in range(2):
            key_server.asked.clear()
            assert await asyncio.to_thread(key_server.asked.wait, 10)
    tasks = asyncio.all_tasks()
    await provider.close()
    assert len(tasks - asyncio.all_tasks()) >= 1, "closed is closed"
    assert (await found_kid(provider, pair.kid)) is True, "what is known stays known"


async def test_a_failed_fetch_is_logged_without_what_was_answered(
    provider: ProviderKeys, key_server: KeyServer, pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    key_server.response_bytes(b"<html>what-was-answered</html>")
    with caplog.at_level(logging.INFO), pytest.raises(KeysUnavailableError):
        await found(provider, pair)
    assert key_server.url in caplog.text
    assert "not valid JSON" in caplog.text
    assert "what-was-answered" not in caplog.text


async def test_a_token_without_a_kid_needs_one_key_of_its_algorithm(
    provider: ProviderKeys, key_server: KeyServer, pair: Pair
) -> None:
    key_server.publish(pair, Pair("ES256"), Pair("RS256", "one"), Pair("RS256", "two"))
    assert (await provider.find("EdDSA", None)).kid == pair.kid
    assert (await provider.find("ES256", None)).kid == "key-ES256"
    with pytest.raises(TokenInvalidError) as refused:
        await provider.find("RS256", None)
    assert "no 'kid'" in refused.value.reason
    with pytest.raises(TokenInvalidError):
        await provider.find("PS256", None)
    assert key_server.requests == 1


async def test_a_key_of_another_algorithm_is_not_used(
    provider: ProviderKeys, key_server: KeyServer, pair: Pair
) -> None:
    key_server.publish(pair, Pair("RS256"))
    for algorithm, kid in (
        ("RS256", pair.kid),
        ("PS256", "key-RS256"),
        ("RS512", "key-RS256"),
        ("ES256", pair.kid),
    ):
        with pytest.raises(TokenInvalidError) as refused:
            await provider.find(algorithm, kid)
        assert "is for" in refused.value.reason
    assert key_server.requests == 1, "a key that is there is no reason to fetch"


async def test_two_keys_of_one_name_serve_only_where_the_algorithm_tells_them_apart(
    provider: ProviderKeys, key_server: KeyServer, clock: Clock
) -> None:
    key_server.publish(Pair("RS256", "same"), Pair("ES256", "same"))
    assert (await provider.find("RS256", "same")).algorithm == "RS256"
    assert (await provider.find("ES256", "same")).algorithm == "ES256"
    twins = [Pair("ES384", name).jwk(kid="same") for name in ("one", "two")]
    key_server.response_json({"keys": twins})
    clock.now += module.MIN_PAUSE_SECONDS
    await provider.refresh()
    with pytest.raises(TokenInvalidError) as refused:
        await provider.find("ES384", "same")
    assert "several of them share" in refused.value.reason
