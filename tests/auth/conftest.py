from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from taskward.auth.keys import ProviderKeys
from taskward.auth.verify import TokenVerifier
from taskward.errors import AuthenticationError, TokenInvalidError
from tests.auth.provider import Clock, KeyServer, Pair
from tests.auth.tokens import NOW, SECRET, at_once


@pytest.fixture
def verifier() -> TokenVerifier:
    return TokenVerifier(SECRET, "HS256", clock=lambda: NOW)


@pytest.fixture
def refusal(verifier: TokenVerifier) -> Callable[[str], str]:
    """Return a function that gives the reason for which a token is refused as invalid, and fails if it is not."""

    def reason(token: str) -> str:
        try:
            claims = at_once(verifier.verify(token))
        except TokenInvalidError as error:
            return error.reason
        except AuthenticationError as error:
            raise AssertionError(f"refused as {error.code}") from error
        raise AssertionError(f"accepted as {claims.user_id}")

    return reason


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def pair() -> Pair:
    return Pair("EdDSA")


@pytest.fixture
def key_server(pair: Pair) -> Iterator[KeyServer]:
    """A provider that publishes the key of `pair`."""
    with KeyServer(pair) as server:
        yield server


@pytest.fixture
async def provider(key_server: KeyServer, clock: Clock) -> AsyncIterator[ProviderKeys]:
    """The provider's keys, which nothing fetches yet."""
    keys = ProviderKeys(key_server.url, clock)
    yield keys
    await keys.close()
