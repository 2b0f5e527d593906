"""What can go wrong, as the client is told: a status, a constant code and one sentence.

Nothing here knows a framework. `api/errors.py` renders these; everything else raises them. The docstring of an
error with a code is written for those who use the API: `make documents` puts it into `docs/errors.md`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class ApiError(Exception):
    """A response of 4xx or 5xx. Subclasses fix `status` and `code`; `detail` may say more, `logged` less."""

    status: ClassVar[int]
    code: ClassVar[str]
    detail: str
    logged: str

    def __init__(self, detail: str | None = None, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail or self.detail)
        self.detail = detail or self.detail
        self.logged = self.detail
        self.headers = dict(headers or {})

    def body(self) -> dict[str, Any]:
        """Return the JSON object of the response."""
        return {"detail": self.detail, "code": self.code}


class ValidationFailedError(ApiError):
    """A value is not allowed, or the request is not valid HTTP. `errors` says what is wrong with each field, and
    `detail` has the first."""

    status = 400
    code = "VALIDATION_ERROR"
    detail = "The request is not valid."

    def __init__(self, errors: Sequence[tuple[str, str]]) -> None:
        """Take pairs of a field's name and what is wrong with it.

        That is a sentence with its own subject ("A title needs at least one visible character"), or what is to be
        said of the field ("must be true or false"), which begins with a small letter. It never repeats a value,
        which may be a secret. The one exception is what a path has for the number of a task: whoever logs
        addresses has it already.
        """
        super().__init__(_sentence(*errors[0]) if errors else None)
        self.logged = type(self).detail  # names of unknown fields are the client's, and end no lines of a log
        self.errors = errors

    def body(self) -> dict[str, Any]:
        """Return the JSON object of the response, with one entry for each field."""
        fields = [{"field": field, "message": message} for field, message in self.errors]
        return {**super().body(), "errors": fields}


def _sentence(field: str, message: str) -> str:
    if message[:1].islower():
        return f"{field}: {message}"
    return message if message.endswith(".") else f"{message}."


class MalformedBodyError(ApiError):
    """The body is not JSON, or JSON that two parsers could read differently."""

    status = 400
    code = "MALFORMED_JSON"
    detail = "The body is not valid JSON."


class AuthenticationError(ApiError):
    """There is no valid token. `reason` is for developers, `detail` for everybody, `logged` for the log."""

    status = 401
    detail = "The request carries no valid access token."

    def __init__(self, reason: str, *, logged: str | None = None, retry_after: int | None = None) -> None:
        """Take the reason, and what is logged instead where it repeats something of the token.

        `retry_after` is the number of seconds after which the same token may be good, if that may be.
        """
        retry = {} if retry_after is None else {"Retry-After": str(max(1, retry_after))}
        super().__init__(headers={"WWW-Authenticate": self.challenge, **retry})
        self.reason = reason
        self.logged = logged or reason

    challenge: ClassVar[str] = 'Bearer error="invalid_token"'  # RFC 6750, 3


class TokenMissingError(AuthenticationError):
    """There is no bearer token."""

    code = "TOKEN_MISSING"
    challenge = "Bearer"  # RFC 6750, 3.1: no error code where no token was sent


class TokenExpiredError(AuthenticationError):
    """The token was valid once. Fetch a new one."""

    code = "TOKEN_EXPIRED"
    detail = "The access token has expired."


class TokenInvalidError(AuthenticationError):
    """The token is not valid here, or its account has been deleted. In development `detail` says exactly why. With
    `Retry-After`, its key may be too new to be known: send the same token again then."""

    code = "TOKEN_INVALID"


class CredentialsInvalidError(ApiError):
    """The e-mail address, the password or the refresh token is wrong. The response never says which."""

    status = 401
    code = "CREDENTIALS_INVALID"
    detail = "The e-mail address or the password is wrong."

    def __init__(self, detail: str | None = None) -> None:
        # RFC 9110, 15.5.2: a 401 has a challenge. Bearer is the one scheme there is; Basic would open a dialogue.
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer", "Cache-Control": "no-store"})


class ForbiddenError(ApiError):
    """The path or the task belongs to another user."""

    status = 403
    code = "FORBIDDEN"
    detail = "This belongs to another user."


class OriginRefusedError(ApiError):
    """A page asks for what pages of its origin do not get. `cookie` is for this service's own page: leave it out,
    or set `PUBLIC_URL` where that page comes by way of a proxy. Pages of `ALLOWED_ORIGINS` may be agents."""

    status = 403
    code = "ORIGIN_REFUSED"
    detail = "This is for the page at this service's own address alone."


class ScopeMissingError(ApiError):
    """The token is not good for this. A personal token may only read (`tasks:read`), or be for calendars alone; an
    agent's is good for what its user agreed to. Accounts and tokens themselves want a log-in."""

    status = 403
    code = "SCOPE_MISSING"
    detail = "This token is not good for this. Use one with another scope, or log in."

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(
            detail, headers={"WWW-Authenticate": 'Bearer error="insufficient_scope"'}
        )  # RFC 6750, 3.1


class RegistrationClosedError(ApiError):
    """Nobody can register here, or only with an invitation, and yours is none or no longer good."""

    status = 403
    code = "REGISTRATION_CLOSED"
    detail = "Nobody can register here. Ask whoever runs this service for an account."


class EmailNotVerifiedError(ApiError):
    """The password is right, but the e-mail address is not proven yet, which is needed here. A link was mailed to
    it, or was in the last 10 minutes: open it, and log in again."""

    status = 403
    code = "EMAIL_NOT_VERIFIED"
    detail = "Please open the link that was mailed to you, which shows that this address is yours. Then log in."


class PasswordsOffError(ApiError):
    """There are no passwords here (`OIDC_ONLY`): everybody logs in with the provider."""

    status = 403
    code = "PASSWORDS_OFF"
    detail = "There are no passwords here. Log in with your organisation's provider instead."


class QuotaExceededError(ApiError):
    """You have as many tasks as one user may have here (`MAX_TASKS_PER_USER`), or 50 personal tokens. Delete some,
    and try again."""

    status = 403
    code = "QUOTA_EXCEEDED"
    detail = "You have as many tasks as you may have here. Delete some, and try again."


class TaskNotFoundError(ApiError):
    """There is no task with this id."""

    status = 404
    code = "TASK_NOT_FOUND"
    detail = "There is no task with this id."


class SessionNotFoundError(ApiError):
    """You have no log-in with this id, or it has ended."""

    status = 404
    code = "SESSION_NOT_FOUND"
    detail = "You have no log-in with this id, or it has ended."


class TokenNotFoundError(ApiError):
    """You have no personal token with this id."""

    status = 404
    code = "TOKEN_NOT_FOUND"
    detail = "You have no personal token with this id."


class CalendarNotFoundError(ApiError):
    """There is no calendar at this address: it is mistyped, has expired or was revoked, or its token is for
    something else. Make a new one."""

    status = 404
    code = "CALENDAR_NOT_FOUND"
    detail = "There is no calendar at this address, or no longer. Make a new address for it."


class RouteNotFoundError(ApiError):
    """There is no such path."""

    status = 404
    code = "NOT_FOUND"
    detail = "There is nothing at this address."


class MethodNotAllowedError(ApiError):
    """The path does not take this method. `Allow` lists those that it takes."""

    status = 405
    code = "METHOD_NOT_ALLOWED"
    detail = "This address does not answer to this method."


class IdempotencyInProgressError(ApiError):
    """The first request with this `Idempotency-Key` is still running. Repeat yours in a moment."""

    status = 409
    code = "IDEMPOTENCY_IN_PROGRESS"
    detail = "A request with this Idempotency-Key is still running. Please repeat yours in a moment."

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "1"})


class EmailTakenError(ApiError):
    """There is an account with this e-mail address, perhaps in another case."""

    status = 409
    code = "EMAIL_TAKEN"
    detail = "There is an account with this e-mail address."


class ChangesGoneError(ApiError):
    """The changes after `since` are not all known any more: it is too long ago, or the database was restored. Read
    the whole list again, and go on from its revision."""

    status = 410
    code = "CHANGES_GONE"
    detail = "The changes since then are not all known any more. Read the whole list again, and go on from there."


class PreconditionFailedError(ApiError):
    """The task has changed since you read it, and nothing was written. `current` is the task as it is now."""

    status = 412
    code = "PRECONDITION_FAILED"
    detail = "The task has changed since you read it. Nothing was written."

    def __init__(self, current: Mapping[str, Any]) -> None:
        super().__init__()
        self.current = current

    def body(self) -> dict[str, Any]:
        """Return the JSON object of the response, with the task as it is."""
        return {**super().body(), "current": self.current}


class IdempotencyKeyReusedError(ApiError):
    """This `Idempotency-Key` was used with another body."""

    status = 422
    code = "IDEMPOTENCY_KEY_REUSED"
    detail = "This Idempotency-Key was used with another body. Use a new key for a new request."


class BodyTooLargeError(ApiError):
    """The body is larger than 64 KiB, or that of a batch than 512 KiB."""

    status = 413
    code = "BODY_TOO_LARGE"
    detail = "The body is larger than 64 KiB."

    def __init__(self, max_bytes: int = 64 * 1024) -> None:
        """Take how large it may be."""
        detail = f"The body is larger than {max_bytes // 1024} KiB."
        super().__init__(detail, headers={"Connection": "close"})  # so that the rest of the body is not read


class UnsupportedMediaTypeError(ApiError):
    """The body is not declared as plain JSON in UTF-8, or as a form where one is expected."""

    status = 415
    code = "UNSUPPORTED_MEDIA_TYPE"
    detail = "The body must be sent as application/json, not compressed."


class RateLimitedError(ApiError):
    """Too many requests, tokens that were not valid, or keyed creates. `Retry-After` says when to try again."""

    status = 429
    code = "RATE_LIMITED"
    detail = "Too many requests. Please wait for as long as Retry-After says."

    def __init__(
        self, seconds: int, headers: Mapping[str, str] | None = None, *, detail: str | None = None
    ) -> None:
        """Take how long to wait, what else the headers tell of the limit, and what it was too many of."""
        super().__init__(detail, headers={"Retry-After": str(seconds), **(headers or {})})


class TooManyWaitingError(ApiError):
    """You have as many requests waiting for changes (`wait`) as a worker keeps for one user, or all users together
    have. Ask without `wait`, or let one device ask for all."""

    status = 429
    code = "TOO_MANY_WAITING"
    detail = "You have too many requests waiting for changes already. End one, or ask again without 'wait'."

    def __init__(self, detail: str | None = None, *, seconds: int = 1) -> None:
        """Take who has too many, in words, and how long to wait."""
        super().__init__(detail, headers={"Retry-After": str(seconds)})


class InternalError(ApiError):
    """A mistake of ours. The log has the stack trace, the response does not."""

    status = 500
    code = "INTERNAL_ERROR"
    detail = "Something went wrong on the server. It has been logged."


class KeysUnavailableError(ApiError):
    """No public key to check the token with is known or can be fetched. `Retry-After` says when to try again."""

    status = 503
    code = "KEYS_UNAVAILABLE"
    detail = "The keys that access tokens are checked with are unavailable. Please try again."

    def __init__(self, retry_after: int = 1) -> None:
        """Take the number of seconds after which they may be there."""
        super().__init__(headers={"Retry-After": str(max(1, retry_after))})


class DatabaseUnavailableError(ApiError):
    """The database cannot be reached now. `Retry-After` says when to try again."""

    status = 503
    code = "DATABASE_UNAVAILABLE"
    detail = "The database is unavailable. Please try again."

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "1"})


class ServerBusyError(ApiError):
    """Too many people are logging in, or attempts cannot be counted. `Retry-After` says when to try again."""

    status = 503
    code = "SERVER_BUSY"
    detail = "Too many people are logging in at this moment. Please try again."

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail, headers={"Retry-After": "5"})
