"""Making tokens: for development, and for tests."""

import time

import jwt

from taskward.auth.claims import Expected
from taskward.auth.log_ins import id_of


def issue_token(
    user_id: str,
    secret: bytes,
    algorithm: str,
    lifetime_seconds: int,
    expected: Expected | None = None,
    log_in: bytes | None = None,
) -> str:
    """Return a signed access token for `user_id` that is good from now on for `lifetime_seconds`.

    It says what `expected` wants tokens to say, so that the service which made it also accepts it. One of a
    `log_in` is good no longer than that.
    """
    expected = expected or Expected()
    now = int(time.time())
    claims: dict[str, object] = {} if log_in is None else {"sid": id_of(log_in)}
    claims |= {expected.user_id_claim: user_id, "iat": now, "exp": now + lifetime_seconds}
    claims |= {"iss": expected.issuer} if expected.issuer is not None else {}
    if expected.audiences:
        claims["aud"] = expected.audiences[0]
    elif expected.client_ids:
        claims["client_id"] = expected.client_ids[0]
    return jwt.encode(claims, secret, algorithm=algorithm)
