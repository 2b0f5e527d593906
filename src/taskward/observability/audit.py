"""The audit log: what happened to accounts, one line each, for who has to find out later."""

import logging
import os
import sys
from contextlib import suppress
from enum import Enum
from io import TextIOWrapper
from logging.handlers import WatchedFileHandler
from pathlib import Path
from urllib.parse import quote

from taskward.observability.current import current_request
from taskward.os_errors import in_words

NAME = "taskward.audit"
NONE = "-"
SAFE = "!$&'()*+,/:;@|~"  # what a user id may have in it without being taken for something else

logger = logging.getLogger(NAME)
elsewhere = logging.getLogger("taskward")  # where lines go that the file does not take


class Event(Enum):
    """What is written, and nothing else; docs/operations.md has the same list."""

    REGISTERED = "registered"
    LOGGED_IN = "logged_in"
    LOG_IN_FAILED = "log_in_failed"
    REFRESH_TOKEN_REUSED = "refresh_token_reused"  # noqa: S105
    LOG_IN_REVOKED = "log_in_revoked"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105
    PASSWORD_REFUSED = "password_refused"  # noqa: S105
    PASSWORD_RESET = "password_reset"  # noqa: S105
    PASSWORD_RESET_REFUSED = "password_reset_refused"  # noqa: S105
    RESET_LINK_MADE = "reset_link_made"
    RESET_LINK_MAILED = "reset_link_mailed"
    RESET_LINK_NOT_MAILED = "reset_link_not_mailed"
    PROOF_LINK_MAILED = "proof_link_mailed"
    EMAIL_VERIFIED = "email_verified"
    PROOF_REFUSED = "proof_refused"
    PASSWORD_NOTICE_MAILED = "password_notice_mailed"  # noqa: S105
    INVITED = "invited"
    DISABLED = "disabled"
    ENABLED = "enabled"
    LOG_INS_ENDED = "log_ins_ended"
    USER_DELETED = "user_deleted"
    TOKEN_MADE = "token_made"  # noqa: S105
    TOKEN_REVOKED = "token_revoked"  # noqa: S105


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


class AuditFile(WatchedFileHandler):
    """A file to which several workers append whole lines, opened anew when it was moved away or removed.

    A line is one write to a file opened with O_APPEND, so that those of two workers never mix.
    """

    def __init__(self, path: Path) -> None:
        """Take where the file is, or is to be; raise OSError."""
        super().__init__(path, encoding="utf-8")

    def _open(self) -> TextIOWrapper:
        """Open the file. One that root makes is its folder's owner's: the service is to append to it, too."""
        with suppress(FileExistsError):
            made = os.open(self.baseFilename, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
            if os.geteuid() == 0:
                folder = Path(self.baseFilename).parent.stat()
                os.fchown(made, folder.st_uid, folder.st_gid)
            os.close(made)
        return super()._open()

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line. What it tells of has happened: no request fails because it cannot be written."""
        try:
            super().emit(record)
        except OSError:  # of opening it anew; those of writing are handled above
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # the name that it has there
        """Have the line among all others, rather than lose it."""
        error = sys.exc_info()[1]
        reason = in_words(error) if isinstance(error, OSError) else type(error).__name__
        elsewhere.error("AUDIT_LOG_FILE cannot be written, so its next line is here: %s", reason)
        elsewhere.handle(record)


def check_file(path: Path) -> None:
    """Raise OSError, with the name of the setting, unless the file can be appended to; make it if need be."""
    try:
        AuditFile(path).close()
    except OSError as error:
        raise OSError(f"AUDIT_LOG_FILE cannot be {path.absolute()}: {in_words(error)}") from error
