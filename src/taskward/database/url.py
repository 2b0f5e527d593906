"""Database addresses, as people paste them from a provider's console."""

import re
from typing import Any

from psycopg.conninfo import conninfo_to_dict, make_conninfo

DIALECT = re.compile(r"^postgres(ql)?(\+\w+)?://")


class InvalidDatabaseUrlError(ValueError):
    """The address is not a PostgreSQL URL; the message never repeats it, for it holds a password."""


def conninfo(url: str) -> str:
    """Return a libpq connection string; also takes `postgres://` and SQLAlchemy's `postgresql+driver://`.

    Raises InvalidDatabaseUrlError.
    """
    if not DIALECT.match(url):
        raise InvalidDatabaseUrlError("DATABASE_URL must begin with postgresql://")
    try:
        parameters = conninfo_to_dict(DIALECT.sub("postgresql://", url))
    except Exception:
        raise InvalidDatabaseUrlError("DATABASE_URL is not a valid PostgreSQL URL") from None
    defaults: dict[str, Any] = {"application_name": "taskward", "connect_timeout": 5}
    return make_conninfo("", **{**defaults, **parameters})


def is_pooled(conninfo: str) -> bool:
    """Tell whether this is Neon's pooled host: PgBouncer, where no session outlives a transaction."""
    return "-pooler." in str(conninfo_to_dict(conninfo).get("host", ""))


def direct(conninfo: str) -> str:
    """Return the same database without Neon's pooler, for migrations."""
    host = str(conninfo_to_dict(conninfo).get("host", ""))
    return make_conninfo(conninfo, host=host.replace("-pooler.", ".")) if host else conninfo
