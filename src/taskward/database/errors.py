"""What the driver raises, told as what the client is told. Known by class and SQLSTATE, never by text."""

import logging
from collections.abc import Collection

import psycopg
from psycopg import errors as postgres

from taskward.database.driver.causes import cause_of
from taskward.database.driver.pool import PoolClosedError
from taskward.database.tables import Broken
from taskward.errors import (
    ApiError,
    DatabaseUnavailableError,
    ForbiddenError,
    ValidationFailedError,
)

logger = logging.getLogger(__name__)


class LockTimeoutError(DatabaseUnavailableError):
    """Another transaction holds what this one needs, for longer than a request should wait, or for ever."""


class IdentityNotArrivedError(DatabaseUnavailableError):
    """The server with the rows was not told for whom: it refuses, and does not say that there are none."""


class AlreadyThereError(Exception):
    """A row with this key exists. Services catch it; an escape is a mistake of ours."""

    def __init__(self, constraint: str | None) -> None:
        super().__init__(constraint)
        self.constraint = constraint


NOT_ALLOWED = [("body", "A value is not allowed by the database.")]
UNAVAILABLE = (psycopg.OperationalError, psycopg.InterfaceError, PoolClosedError, TimeoutError)


def translated(error: Exception, broken: Broken) -> ApiError | AlreadyThereError | None:
    """Return the answer a driver's error deserves, or None when it is a mistake of ours.

    `broken` has what the constraints of features mean, by name. SQLSTATE classes: PostgreSQL manual, appendix A.
    """
    match error:
        case postgres.InsufficientPrivilege():
            # The statement should have named the owner, and row-level security had to stop it: somebody must look.
            logger.error("row-level security or a missing grant refused a statement: %s", cause_of(error))
            return ForbiddenError()
        case psycopg.IntegrityError():
            return _broken_constraint(error, broken)
        case postgres.LockNotAvailable() | postgres.DeadlockDetected():
            return LockTimeoutError()
        case postgres.InvalidParameterValue() | postgres.ObjectNotInPrerequisiteState():
            # No value of a client's is a parameter of PostgreSQL's; the role to act as is, and it is gone. The
            # second is what rows say to nobody, where they are distributed.
            logger.error("the database refused the identity of a request: %s", cause_of(error))
            is_gone = isinstance(error, postgres.InvalidParameterValue)
            return DatabaseUnavailableError() if is_gone else IdentityNotArrivedError()
        case psycopg.DataError() | UnicodeEncodeError():
            return ValidationFailedError(NOT_ALLOWED)
        case psycopg.InternalError():
            # PostgreSQL's own trouble: a damaged page (XX001), or a primary that is a standby now (25006).
            logger.error("the database failed: %s", cause_of(error))
            return DatabaseUnavailableError()
        case _ if isinstance(error, UNAVAILABLE):
            logger.warning("database unavailable: %s", cause_of(error))
            return DatabaseUnavailableError()
        case _:
            return None


def _constraint_of(error: psycopg.IntegrityError, known: Collection[str]) -> str:
    """Return the constraint's name. Citus sends none beside the sentence, which quotes it in any language."""
    sentence = error.diag.message_primary or ""
    return error.diag.constraint_name or next((name for name in known if f'"{name}' in sentence), "")


def _broken_constraint(error: psycopg.IntegrityError, broken: Broken) -> ApiError | AlreadyThereError | None:
    if (meaning := broken.get(_constraint_of(error, broken))) is not None:
        return meaning()
    match error:
        case postgres.UniqueViolation():
            return AlreadyThereError(error.diag.constraint_name)
        case postgres.NotNullViolation() | postgres.CheckViolation():
            return ValidationFailedError(NOT_ALLOWED)
        case _:
            return None
