"""Requests to a service, repeated while it is away or busy.

Every request made here may be repeated: reads, creates with an `Idempotency-Key`, writes that set what they name,
and log-ins. So a lost response is never a reason to give up, only time is.
"""

import json
import random
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self

import httpx2

from taskward.client.address import Address
from taskward.client.errors import ClientError, RefusedError, ServerAwayError, UsageError
from taskward.proxies import BadProxyError, open_client

PATIENCE_SECONDS = 10.0
AWAY_SECONDS = 1.0  # somebody waits at a terminal for "connection refused"
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 2.0
TIMEOUT = httpx2.Timeout(30, connect=5)


@dataclass(frozen=True, slots=True)
class Response:
    """What came back: a success, or it would have been raised."""

    status: int
    headers: httpx2.Headers
    body: Any
    host: str

    def parts(self, *names: str) -> list[Any]:
        """Return members of the object that the body is; raise ClientError where a stranger answers."""
        try:
            return [self.body[name] for name in names]
        except (KeyError, TypeError):
            raise _not_taskward(self.host) from None


class Api:
    """One service. Can be used from several threads at once."""

    def __init__(
        self,
        address: Address,
        *,
        patience_seconds: float = PATIENCE_SECONDS,
        away_seconds: float = AWAY_SECONDS,
    ) -> None:
        """Go on for `patience_seconds` while it is busy, for `away_seconds` while nobody answers at all.

        Raises UsageError for a proxy in the environment that cannot be used.
        """
        self.address = address
        self._patience_seconds = patience_seconds
        self._away_seconds = away_seconds
        self._stopped = threading.Event()
        # Redirects are never followed: they would carry the token to whoever the response names.
        try:
            self._http = open_client(httpx2.Client, address.url, timeout=TIMEOUT, follow_redirects=False)
        except BadProxyError as error:
            raise UsageError(str(error)) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop_waiting()
        self._http.close()

    def stop_waiting(self) -> None:
        """Have every thread that waits for the next attempt give up instead."""
        self._stopped.set()

    def request(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        body: Any = None,
        form: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        patience_seconds: float | None = None,
    ) -> Response:
        """Send a request until it is answered.

        Raises RefusedError for a status of 400 and above, ServerAwayError when patience ends, and ClientError for
        what is no response of this API. 429, 503 and a create that still runs are repeated, no earlier than
        `Retry-After` allows (RFC 9110, 10.2.3).
        """
        request = self._http.build_request(
            method,
            self.address.url + path,
            params=query,
            data=form,
            content=None if body is None else json.dumps(body).encode(),
            headers=_headers(token, body, headers),
        )
        begun = time.monotonic()
        patience = self._patience_seconds if patience_seconds is None else patience_seconds
        longest = FIRST_PAUSE_SECONDS
        while True:
            # So that many who were refused together do not come back together.
            pause = random.uniform(longest / 2, longest)  # noqa: S311
            longest = min(2 * longest, LONGEST_PAUSE_SECONDS)
            try:
                response = self._http.send(request)
            except httpx2.RequestError as error:
                trouble: ClientError = self._away(error)
                limit = min(patience, self._away_seconds)
            else:
                answered = _error_of(response)
                if answered is None:
                    return Response(response.status_code, response.headers, _json_of(response), response.url.host)
                if not _may_pass(answered):
                    raise answered
                pause = max(pause, _retry_after(response))
                trouble = self._busy(answered, pause)
                limit = patience
            if time.monotonic() - begun + pause > limit:
                raise trouble
            if self._stopped.wait(pause):
                raise trouble

    def _away(self, error: httpx2.RequestError) -> ServerAwayError:
        reason = str(error).split("] ", 1)[-1] or "no response in time"
        return ServerAwayError(
            f"cannot reach {self.address}: {reason[0].lower()}{reason[1:]}. Is it running? "
            "Start it with `taskward serve`, or name another with --server."
        )

    def _busy(self, error: RefusedError, pause: float) -> ServerAwayError:
        return ServerAwayError(f"{self.address} is too busy: {error} Try again in {max(1, round(pause))} s.")


def _headers(token: str | None, body: Any, more: dict[str, str] | None) -> dict[str, str]:
    headers = {"Accept": "application/json", "User-Agent": "taskward", **(more or {})}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    if body is not None:
        headers["Content-Type"] = "application/json"
    return headers


def _error_of(response: httpx2.Response) -> RefusedError | None:
    """Return the error that a response tells of, its fields with it. Raises ClientError for a stranger's."""
    if response.status_code < 300:
        return None
    if response.status_code < 400:
        raise ClientError(f"{response.url.host} answers with a redirect, which is not followed. Check --server.")
    body = _json_of(response)
    if not isinstance(body, dict) or not isinstance(body.get("detail"), str):
        if response.status_code not in (429, 502, 503, 504):
            raise ClientError(f"{response.url.host} answers {response.status_code}, and not as Taskward does.")
        body = {"detail": f"It answers {response.status_code}."}  # a proxy in front of it
    problems = body.get("errors") or ()
    detail = in_words(problems) if len(problems) > 1 else body["detail"]
    return RefusedError(response.status_code, str(body.get("code")), detail, body)


def in_words(problems: Sequence[Mapping[str, Any]]) -> str:
    """Return what is wrong with one field or several, each with `field` and `message`, for a person."""
    words = "; ".join(map(_problem, problems))
    return words + "." if words[:1].isupper() and not words.endswith(".") and len(problems) == 1 else words


def _problem(each: Mapping[str, Any]) -> str:
    """Return what is wrong with a field: a whole sentence says it, any other words need its name in front."""
    message = str(each.get("message"))
    return message if message[:1].isupper() else f"{each.get('field')}: {message}"


def _json_of(response: httpx2.Response) -> Any:
    if not response.content:
        return None
    try:
        return response.json()
    except ValueError:
        if response.status_code < 300:
            raise _not_taskward(response.url.host) from None
        return None


def _not_taskward(host: str) -> ClientError:
    return ClientError(f"{host} does not answer as Taskward does. Check --server.")


def _may_pass(error: RefusedError) -> bool:
    return error.status in (429, 502, 503, 504) or error.code == "IDEMPOTENCY_IN_PROGRESS"


def _retry_after(response: httpx2.Response) -> float:
    """Return how many seconds the response wants us to wait: a number, a date, or 0 (RFC 9110, 10.2.3)."""
    value = response.headers.get("retry-after", "")
    if value.isdecimal():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return 0.0
