"""One user's requests to one service, with tokens that are renewed by themselves."""

import time
from typing import Any

from taskward.client.api import Api, Response
from taskward.client.credentials import Credentials, CredentialStore
from taskward.client.errors import NotLoggedInError, RefusedError

EARLY_SECONDS = 30  # clocks differ
# The service repeats the response to a refresh token for 10 seconds. A copy that comes later ends the log-in.
REFRESH_PATIENCE_SECONDS = 8.0
TOKEN_CODES = ("TOKEN_MISSING", "TOKEN_EXPIRED", "TOKEN_INVALID")


class Session:
    """Whoever is logged in. Can be used from several threads at once."""

    def __init__(self, api: Api, store: CredentialStore, token: str | None = None) -> None:
        """Act with an access token, or with what the store has. Raises NotLoggedInError where it has nothing."""
        self._api = api
        self._store = store
        self._credentials = self._kept() if token is None else Credentials("", token)
        self._advice = "Log in again." if token is None else "Set TASKWARD_TOKEN to another."

    def request(self, method: str, path: str, **arguments: Any) -> Response:
        """Send a request as `Api.request` does, once more with new tokens if the old ones have ended.

        Raises NotLoggedInError as well.
        """
        used = self._credentials
        if used.expires_at is not None and time.time() > used.expires_at - EARLY_SECONDS:
            used = self._renewed(used)
        try:
            return self._api.request(method, path, token=used.access_token, **arguments)
        except RefusedError as error:
            if error.code not in TOKEN_CODES:
                raise
            if used.refresh_token is None:
                raise self._refused(error) from error
        try:
            return self._api.request(method, path, token=self._renewed(used).access_token, **arguments)
        except RefusedError as error:
            if error.code not in TOKEN_CODES:
                raise
            raise self._refused(error) from error

    def address_of(self, path: str) -> str:
        """Return the address of a path, for other programs than this."""
        return self._api.address.url + path

    def stop_waiting(self) -> None:
        """As `Api.stop_waiting`."""
        self._api.stop_waiting()

    def _refused(self, error: RefusedError) -> NotLoggedInError:
        return NotLoggedInError(f"{self._api.address} refuses the token: {error} {self._advice}")

    def _renewed(self, used: Credentials) -> Credentials:
        with self._store.locked():
            kept = self._kept()
            # Else somebody was faster. All of it is compared: two access tokens of one second are the same.
            if kept == used:
                kept = self._refreshed(kept)
        self._credentials = kept
        return kept

    def _refreshed(self, old: Credentials) -> Credentials:
        assert old.refresh_token is not None
        form = {"grant_type": "refresh_token", "refresh_token": old.refresh_token}
        try:
            response = self._api.request(
                "POST", "/auth/token", form=form, patience_seconds=REFRESH_PATIENCE_SECONDS
            )
        except RefusedError as error:
            if error.code != "CREDENTIALS_INVALID":
                raise
            self._store.write(self._api.address, None)
            raise NotLoggedInError(f"the log-in at {self._api.address} has ended. Log in again.") from error
        new = credentials_of(response)
        self._store.write(self._api.address, new)
        return new

    def _kept(self) -> Credentials:
        kept = self._store.read(self._api.address)
        if kept is None:
            raise NotLoggedInError(f"not logged in at {self._api.address}. Use `taskward login`.")
        return kept


def credentials_of(response: Response) -> Credentials:
    """Return what a response of `POST /auth/token` grants (RFC 6749, 5.1)."""
    user_id, access, refresh, seconds = response.parts("user_id", "access_token", "refresh_token", "expires_in")
    return Credentials(user_id, access, refresh, time.time() + seconds)
