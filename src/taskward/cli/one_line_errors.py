"""Errors of the operator's commands, told in a line."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from taskward.terminal_text import harmless


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Say what is wrong in the operator's own terms, and exit with 1; a traceback is for our mistakes."""
    try:
        yield
    except Exception as error:
        if (message := _message(error)) is None:
            raise
    else:
        return
    for line in message.splitlines():
        typer.echo(f"taskward: {harmless(line)}", err=True)
    raise typer.Exit(1)


def _message(error: Exception) -> str | None:
    """Return what to say; None for what is no error of the operator's. It loads what that takes."""
    import psycopg

    from taskward.accounts.administration import AccountError
    from taskward.database.cluster import CannotDistributeError
    from taskward.database.driver.causes import cause_of
    from taskward.database.migrated import MissingRightsError, UnknownRevisionError
    from taskward.database.startup_check import UnfitDatabaseError
    from taskward.database.url import InvalidDatabaseUrlError
    from taskward.embedded.backup import BackupError
    from taskward.embedded.os_user import EmbeddedPostgresError
    from taskward.errors import ApiError, AuthenticationError
    from taskward.os_errors import in_words
    from taskward.settings import InvalidSettingsError

    match error:
        case AuthenticationError():
            return error.reason
        case (
            AccountError() | ApiError() | BackupError() | CannotDistributeError() | EmbeddedPostgresError()
            | InvalidDatabaseUrlError() | InvalidSettingsError() | MissingRightsError() | UnfitDatabaseError()
            | UnknownRevisionError()
        ):  # fmt: skip
            return str(error)
        case OSError():
            return in_words(error)
        case psycopg.Error():
            problem = "cannot be reached" if isinstance(error, psycopg.OperationalError) else "refused"
            return f"the database {problem}: {cause_of(error)}"
        case _:
            return None
