"""Database addresses, as people paste them from a provider's console."""

import re
from typing import Any

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from taskward.addresses import DIALECT, parameters, read_database_address
from taskward.database.driver.parameters import known_parameters, refused_parameters

PARAMETER = re.compile(r"[a-z_]{1,40}")


class InvalidDatabaseUrlError(ValueError):
    """The address is not a PostgreSQL URL; the message never repeats it, for it holds a password."""


def conninfo(url: str, setting: str = "DATABASE_URL") -> str:
    """Return a libpq connection string; also takes `postgres://` and SQLAlchemy's `postgresql+driver://`.

    Raises InvalidDatabaseUrlError, which names the setting.
    """
    try:
        _check_parameters(read_database_address(url).query)
    except ValueError as error:
        raise InvalidDatabaseUrlError(f"{setting}: {error}") from None
    try:
        found = conninfo_to_dict(DIALECT.sub("postgresql://", url, count=1))
    except Exception:
        raise InvalidDatabaseUrlError(f"{setting}: this is not a valid PostgreSQL URL") from None
    defaults: dict[str, Any] = {"application_name": "taskward", "connect_timeout": 5}
    forced = {"client_encoding": "UTF8"}  # whatever the address, PGCLIENTENCODING or the role's defaults say
    address = make_conninfo("", **{**defaults, **found, **forced})
    if (refused := refused_parameters(address)) is not None:
        raise InvalidDatabaseUrlError(
            f"{setting}: libpq refuses {' with '.join(refused) or 'one of its parameters'} as it is here, or in a"
            " variable of the environment whose name begins with PG"
        )
    return address


def _check_parameters(query: str) -> None:
    """Raise ValueError for a parameter that this libpq does not know. It may be a part of a password beside it."""
    given = parameters(query)
    known = known_parameters() | {"ssl"}
    secret = any("pass" in name or "secret" in name for name in given)
    for name in (name for name in given if name not in known):
        named = f"the parameter '{name}'" if PARAMETER.fullmatch(name) and not secret else "one of the parameters"
        raise ValueError(f"{named} is unknown to PostgreSQL. Remove it from the address")


def is_pooled(conninfo: str) -> bool:
    """Tell whether this is Neon's pooled host: PgBouncer, where no session outlives a transaction."""
    return "-pooler." in str(conninfo_to_dict(conninfo).get("host", ""))


def without_pooler(conninfo: str) -> str:
    """Return the same database without Neon's pooler, for migrations."""
    host = str(conninfo_to_dict(conninfo).get("host", ""))
    return make_conninfo(conninfo, host=host.replace("-pooler.", ".")) if host else conninfo
