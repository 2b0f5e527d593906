"""The audit log: what happened to accounts, one line each, for who has to find out later."""

import logging
from enum import Enum
from urllib.parse import quote

from taskward.observability.current import current_request

NAME = "taskward.audit"
NONE = "-"
SAFE = "!$&'()*+,/:;@|~"  # what a user id may have in it without being taken for something else

logger = logging.getLogger(NAME)


class Event(Enum):
    """What is written, and nothing else; docs/operations.md has the same list."""

    REGISTERED = "registered"
    LOGGED_IN = "logged_in"
    LOG_IN_FAILED = "log_in_failed"
    REFRESH_TOKEN_REUSED = "refresh_token_reused"  # noqa: S105
    LOG_IN_REVOKED = "log_in_revoked"
    USER_DELETED = "user_deleted"


def record(event: Event, *, user: str | None = None, email: str | None = None) -> None:
    """Write a line about a user id, or the name of an address that is nobody's, and where the request came from.

    Its form is `event=… user=… email=… address=…`, always in this order, `-` for what there is not. Whatever is
    neither a letter nor a digit nor common in ids is percent-encoded.
    """
    request = current_request.get()
    address = request.address if request is not None else None
    fields = {"event": event.value, "user": user, "email": email, "address": address}
    line = " ".join(
        f"{name}={quote(value, SAFE, errors='replace') if value else NONE}" for name, value in fields.items()
    )
    logger.info("%s", line, extra={"audit": fields})
