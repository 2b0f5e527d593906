"""People who sign up at Better Auth, and send what they got there to Taskward."""

from typing import Self

import httpx2


class Person(httpx2.Client):
    """A browser that keeps cookies, and in which somebody signs up on entering."""

    user_id: str
    session_token: str

    def __init__(self, better_auth: str, name: str) -> None:
        super().__init__(base_url=better_auth, headers={"Origin": better_auth})
        self._account = {"name": name, "email": f"{name}@example.com", "password": f"the password of {name}"}

    def __enter__(self) -> Self:
        super().__enter__()
        self._begin_session("sign-up")
        return self

    def sign_in(self) -> None:
        """Begin a new session, and forget the cookies of the one before."""
        self.cookies.clear()
        self._begin_session("sign-in")

    def _begin_session(self, how: str) -> None:
        begun = self.post(f"/api/auth/{how}/email", json=self._account).raise_for_status().json()
        self.user_id = begun["user"]["id"]
        self.session_token = begun["token"]

    def token(self) -> str:
        """Return a new JWT, as a front end gets it."""
        token: str = self.get("/api/auth/token").raise_for_status().json()["token"]
        return token

    def cookie(self, name: str) -> str:
        """Return the value of a cookie of Better Auth."""
        value = self.cookies[f"better-auth.{name}"]
        assert value
        return value


def bearer(token: str) -> dict[str, str]:
    """Return the header that a token is sent in."""
    return {"Authorization": f"Bearer {token}"}
