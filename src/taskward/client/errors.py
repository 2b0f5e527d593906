"""What can go wrong, as one sentence and the exit code that goes with it."""

from typing import Any, ClassVar


class ClientError(Exception):
    """The service refused, or something here is not as it should be."""

    exit_code: ClassVar[int] = 1


class UsageError(ClientError):
    """What was typed cannot be meant."""

    exit_code = 2


class RefusedError(ClientError):
    """The service answered with an error of its own; `code` is its constant."""

    def __init__(self, status: int, code: str, detail: str, body: dict[str, Any]) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.body = body


class NotLoggedInError(ClientError):
    """There is no log-in for this service, or it has ended."""

    exit_code = 3


class ServerAwayError(ClientError):
    """The service cannot be reached, or is too busy for longer than was to be waited."""

    exit_code = 4


class ChangesGoneError(ClientError):
    """What has changed since a revision is not all known any more."""

    exit_code = 6


class TaskChangedError(ClientError):
    """The task is not as it was when it was last seen. Nothing was written."""

    exit_code = 5
