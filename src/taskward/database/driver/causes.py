"""Why the database failed, in one line for whoever runs the service: its own sentence, and what to do about it.

Known by class and SQLSTATE, never by text, which is in the language of the server. Hints and details are left out:
a detail may hold a row, and one hint says how to turn row-level security off. A failed attempt to connect has no
SQLSTATE, and libpq's words for it may quote a part of the address: what they quote is left out, if it may be that.
"""

import errno
import os
import re
from ipaddress import ip_address

import psycopg
from psycopg.pq.abc import PGconn

CURES = {
    "22021": "Use a database with ENCODING 'UTF8'.",
    "22P05": "Use a database with ENCODING 'UTF8'.",
    "25006": "The database is read-only: a standby, or default_transaction_read_only is on. Point DATABASE_URL at"
    " the primary, or reset that with ALTER ROLE or ALTER DATABASE.",
    "3F000": "Give the role a schema: ALTER ROLE or ALTER DATABASE with SET search_path = public.",
    "42501": "Run 'taskward doctor database' to see what is missing.",
    "42710": "Something else has this name: give Taskward a database of its own.",
    "42P07": "Something else has this name: give Taskward a database of its own.",
    "53100": "Free some space on the database's disk; nothing else is needed.",
    "53200": "The server needs more memory, or a smaller shared_buffers or work_mem.",
    "53300": "Lower DB_POOL_SIZE, DB_MAX_OVERFLOW or WORKERS, or raise max_connections of the server.",
    "57014": "It took longer than DATABASE_TIMEOUT_SECONDS allows, or somebody cancelled it.",
    "58030": "Look at the disk of the database, and at its log.",
    "XX001": "Its files are damaged: look at its log, and restore a backup.",
    "XX002": "Its files are damaged: look at its log, and restore a backup.",
}

# Cures when there is no SQLSTATE; {} is the setting with the address.
NOBODY_THERE = "Is PostgreSQL running there? Check the host and the port in {}."
NOT_FOUND = "Check the host in {}."
NO_PASSWORD = "Put the password into {}."  # noqa: S105
NOT_ADMITTED = "Check the user, the password and the name of the database in {}."
NOT_SPOKEN_TO = "Check user, database and sslmode in {}, and whether the server's pg_hba.conf admits this machine."
NOT_UNDERSTOOD = "Check {}, and the variables of the environment whose names begin with PG."

# libpq uses strerror as well, so the words match in any language.
NOT_REACHED = [
    os.strerror(code)
    for code in (
        errno.ECONNREFUSED, errno.ENOENT, errno.EACCES, errno.ENOTDIR, errno.EHOSTUNREACH, errno.ENETUNREACH,
        errno.ETIMEDOUT, errno.ECONNRESET,
    )
]  # fmt: skip
# psycopg raises no class of its own for this.
NOT_RESOLVED = re.compile(r"failed to resolve host '(.*)': (?:\[Errno -?\d+\] )?(.*)")
HOST = re.compile(r"[A-Za-z0-9._-]+")
QUOTED = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'")


def cause_of(error: BaseException) -> str:
    """Return what is wrong and what to do, for an error of the driver or one that comes of it.

    The address is that of DATABASE_URL, unless a note on the error names another setting.
    """
    while isinstance(error.__cause__, Exception):
        error = error.__cause__
    if isinstance(error, psycopg.Error) and error.sqlstate is not None:
        return " ".join(filter(None, (_sentence(primary(error)), CURES.get(error.sqlstate))))
    words, cure = _without_an_answer(error)
    setting = next(iter(getattr(error, "__notes__", ())), "DATABASE_URL")
    return f"{_sentence(words)} {cure.format(setting)}".rstrip()


def primary(error: psycopg.Error) -> str:
    """Return PostgreSQL's sentence alone, in one line."""
    return " ".join((error.diag.message_primary or str(error).split("\n")[0]).split())


def _without_an_answer(error: BaseException) -> tuple[str, str]:
    if isinstance(error, psycopg.errors.ConnectionTimeout):
        return "the server does not answer in time", NOBODY_THERE
    if isinstance(error, psycopg.Error) and error.pgconn is not None:
        return _not_connected(error.pgconn)
    text = str(error).split("\n")[0]
    if found := NOT_RESOLVED.match(text):
        name = found[1] if HOST.fullmatch(found[1]) else "of the database"
        return f"the host {name} has no address: {found[2]}", NOT_FOUND
    return _without_quotes(text, set()) or "the server does not answer in time", ""


def _not_connected(pgconn: PGconn) -> tuple[str, str]:
    host, port, database, user = (
        value.decode(errors="replace") for value in (pgconn.host, pgconn.port, pgconn.db, pgconn.user)
    )
    # One line for each attempt, with and without TLS; the last one is why there is no connection.
    text = pgconn.error_message.decode(errors="replace").rpartition("failed: ")[2].split("\n")[0]
    text = re.sub(r"^\w+:\s+", "", text)
    if not host or not port.isdigit() or "@" in host + database:  # an address that was not taken as it was meant
        return _without_quotes(text, set()), NOT_UNDERSTOOD
    where = f"({database} on {host}:{port}, as {user})"
    return f"{_without_quotes(text, {host, database, user})} {where}", _cure(pgconn, text)


def _cure(pgconn: PGconn, text: str) -> str:
    if any(reason in text for reason in NOT_REACHED):
        return NOBODY_THERE
    if pgconn.needs_password:
        return NO_PASSWORD
    if pgconn.used_password:
        return NOT_ADMITTED
    return NOT_SPOKEN_TO


def _without_quotes(text: str, sound: set[str]) -> str:
    """Return text in which only quoted words remain that are known, or the address of a machine."""

    def shown(quoted: re.Match[str]) -> str:
        word = quoted[0][1:-1]
        return quoted[0] if word in sound or _is_an_address(word) else quoted[0][0] + "…" + quoted[0][0]

    return " ".join(QUOTED.sub(shown, text).split())


def _is_an_address(word: str) -> bool:
    try:
        ip_address(word)
    except ValueError:
        return False
    return True


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."
