"""What a 401 tells: everything to a developer, nothing to anybody else."""

import time
from typing import Any

import pytest

from taskward.app import create_app
from taskward.settings import Settings
from tests.auth.tokens import signed
from tests.client import connect
from tests.conftest import SECRET

pytestmark = pytest.mark.quick

GENERIC = "The request carries no valid access token."
EXPIRED = "The access token has expired."


def token(**claims: Any) -> str:
    return signed(payload={"sub": "alice", "exp": time.time() + 86_400} | claims, secret=SECRET.encode())


# what is sent: (code, what a developer is told, what everybody else is told)
REFUSED: dict[str | None, tuple[str, str, str]] = {
    None: ("TOKEN_MISSING", "Send 'Authorization: Bearer <token>'", GENERIC),
    "Basic x": ("TOKEN_MISSING", "not of the form 'Bearer <token>'", GENERIC),
    "Bearer " + "x" * 32: ("TOKEN_INVALID", "Better Auth's opaque session token", GENERIC),
    "Bearer " + signed(secret=b"y" * 32): ("TOKEN_INVALID", "another secret than JWT_SECRET_KEY", GENERIC),
    "Bearer " + signed(header={"alg": "none"}): ("TOKEN_INVALID", "not signed with HS256", GENERIC),
    "Bearer " + token(exp=900): ("TOKEN_EXPIRED", "expired in 1970", EXPIRED),
    "Bearer " + token(exp=time.time() - 60): ("TOKEN_EXPIRED", "Ask for a new one", EXPIRED),
    "Bearer " + token(nbf=time.time() + 80_000): ("TOKEN_INVALID", "Are the clocks right?", GENERIC),
    "Bearer " + token(sub=1): ("TOKEN_INVALID", "'sub'", GENERIC),
}  # fmt: skip


@pytest.mark.parametrize("environment", ["development", "staging", "production"])
@pytest.mark.parametrize("sent", REFUSED)
async def test_a_refusal_explains_itself_in_development_alone(environment: str, sent: str | None) -> None:
    app = create_app(
        Settings(ENVIRONMENT=environment, DATABASE_URL="postgresql://127.0.0.1:1/nothing", JWT_SECRET_KEY=SECRET)
    )
    code, explained, generic = REFUSED[sent]
    async with connect(app) as client:
        response = await client.get("/tasks", headers={"Authorization": sent} if sent else {})
    assert response.status_code == 401
    assert response.json().keys() == {"detail", "code"}
    assert response.json()["code"] == code
    if environment == "development":
        assert explained in response.json()["detail"]
    else:
        assert response.json()["detail"] == generic
    challenge = "Bearer" if code == "TOKEN_MISSING" else 'Bearer error="invalid_token"'
    assert response.headers.get_list("www-authenticate") == [challenge]
