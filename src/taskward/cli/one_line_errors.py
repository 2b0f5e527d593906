"""Errors of the operator's commands, told in a line."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from taskward.terminal_text import harmless


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Say what is wrong in the operator's own terms, and exit with 1; a traceback is for our mistakes."""
    import psycopg

    from taskward.accounts.administration import AccountError
    from taskward.database.driver.causes import cause_of
    from taskward.database.migrate import MissingRightsError, UnknownRevisionError
    from taskward.database.startup_check import UnfitDatabaseError
    from taskward.database.url import InvalidDatabaseUrlError
    from taskward.embedded.backup import BackupError
    from taskward.embedded.os_user import EmbeddedPostgresError
    from taskward.errors import ApiError, AuthenticationError
    from taskward.os_errors import in_words
    from taskward.settings import InvalidSettingsError

    try:
        yield
    except AuthenticationError as error:
        message = error.reason
    except (
        AccountError, ApiError, BackupError, EmbeddedPostgresError, InvalidDatabaseUrlError, InvalidSettingsError,
        MissingRightsError, UnfitDatabaseError, UnknownRevisionError,
    ) as error:  # fmt: skip
        message = str(error)
    except OSError as error:
        message = in_words(error)
    except psycopg.Error as error:
        problem = "cannot be reached" if isinstance(error, psycopg.OperationalError) else "refused"
        message = f"the database {problem}: {cause_of(error)}"
    else:
        return
    for line in message.splitlines():
        typer.echo(f"taskward: {harmless(line)}", err=True)
    raise typer.Exit(1)
