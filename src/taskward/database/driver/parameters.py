"""The parameters of a connection string, as the libpq at hand knows them."""

import re

from psycopg import pq
from psycopg.conninfo import make_conninfo


def known_parameters() -> set[str]:
    """Return the names of all that this libpq takes."""
    return {option.keyword.decode() for option in pq.Conninfo.get_defaults()}


def refused_parameters(conninfo: str) -> list[str] | None:
    """Return the names in libpq's complaint about a value, or about two that do not go together; None without one.

    It looks at them before it connects, here to a socket that cannot be.
    """
    nowhere = make_conninfo(conninfo, host="/nonexistent", hostaddr="", port="", gssencmode="disable")
    attempt = pq.PGconn.connect_start(nowhere.encode())
    said = attempt.error_message.decode(errors="replace")
    attempt.finish()
    if "/nonexistent/" in said:
        return None
    named = set(re.findall(r"\w+", re.sub(r'"[^"]*"', "", said)))  # in quotation marks stands a value
    return sorted(named & known_parameters())
