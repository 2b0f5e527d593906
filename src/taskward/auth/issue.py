"""Making tokens: for development, and for tests."""

import time

import jwt


def issue_token(user_id: str, secret: bytes, algorithm: str, lifetime_seconds: int) -> str:
    """Return a signed access token for `user_id` that is good from now on for `lifetime_seconds`."""
    now = int(time.time())
    return jwt.encode({"sub": user_id, "iat": now, "exp": now + lifetime_seconds}, secret, algorithm=algorithm)
