import time

import jwt
import pytest

from taskward.auth.issue import issue_token
from taskward.auth.verify import TokenVerifier
from taskward.errors import TokenExpiredError, TokenInvalidError
from tests.auth.tokens import SECRET, at_once

pytestmark = pytest.mark.quick


@pytest.mark.parametrize("user_id", ["alice", "auth0|abc", "alice@example.com", "ünïcødé", "x" * 255])
def test_an_issued_token_is_accepted(user_id: str) -> None:
    token = issue_token(user_id, SECRET, "HS256", 60)
    assert at_once(TokenVerifier(SECRET, "HS256").verify(token)).user_id == user_id


def test_an_issued_token_is_good_for_as_long_as_asked_and_the_leeway() -> None:
    before = int(time.time())
    token = issue_token("alice", SECRET, "HS256", 60)
    after = int(time.time())
    payload = jwt.decode(token, SECRET, algorithms=["HS256"])
    assert payload.keys() == {"sub", "iat", "exp"}
    assert before <= payload["iat"] <= after
    assert payload["exp"] == payload["iat"] + 60
    last_moment = payload["exp"] + 30
    verifier = TokenVerifier(SECRET, "HS256", clock=lambda: last_moment - 1)
    assert at_once(verifier.verify(token)).valid_until == last_moment
    with pytest.raises(TokenExpiredError):
        at_once(TokenVerifier(SECRET, "HS256", clock=lambda: last_moment).verify(token))


def test_an_issued_token_is_refused_under_another_secret() -> None:
    with pytest.raises(TokenInvalidError):
        at_once(TokenVerifier(b"y" * 32, "HS256").verify(issue_token("alice", SECRET, "HS256", 60)))
