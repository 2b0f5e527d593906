from collections.abc import Callable

import pytest

from taskward.auth.verify import TokenVerifier
from taskward.errors import AuthenticationError, TokenInvalidError
from tests.auth.tokens import NOW, SECRET


@pytest.fixture
def verifier() -> TokenVerifier:
    return TokenVerifier(SECRET, "HS256", clock=lambda: NOW)


@pytest.fixture
def refusal(verifier: TokenVerifier) -> Callable[[str], str]:
    """Return a function that gives the reason for which a token is refused as invalid, and fails if it is not."""

    def reason(token: str) -> str:
        try:
            claims = verifier.verify(token)
        except TokenInvalidError as error:
            return error.reason
        except AuthenticationError as error:
            raise AssertionError(f"refused as {error.code}") from error
        raise AssertionError(f"accepted as {claims.user_id}")

    return reason
