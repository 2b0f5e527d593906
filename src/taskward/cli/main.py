"""The commands."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

cli = typer.Typer(help="A task API for many users.", no_args_is_help=True, pretty_exceptions_enable=False)


@cli.command()
def serve() -> None:
    """Run the service, with a PostgreSQL of its own unless DATABASE_URL is set."""
    from taskward.cli.serve import serve as run

    with _one_line_errors():
        run()


@cli.command()
def migrate() -> None:
    """Bring the database up to the newest schema. Safe at any time, and from several places at once."""
    from taskward.cli.migrate import migrate as run

    with _one_line_errors():
        run()


@cli.command()
def token(user_id: Annotated[str, typer.Argument(help="Whose token: the `sub` claim.")]) -> None:
    """Print an access token for a user. Whoever knows the secret can be anybody, so this is for development."""
    from taskward.cli.token import token as run

    with _one_line_errors():
        typer.echo(run(user_id))


@contextmanager
def _one_line_errors() -> Iterator[None]:
    """Say what is wrong in the operator's own terms, and exit with 1; a traceback is for our mistakes."""
    import psycopg

    from taskward.database.account import EmbeddedPostgresError
    from taskward.database.canary import WallMissingError
    from taskward.database.migrate import UnknownRevisionError
    from taskward.database.url import InvalidDatabaseUrlError
    from taskward.errors import ApiError, AuthenticationError
    from taskward.settings import InvalidSettingsError

    try:
        yield
    except AuthenticationError as error:
        message = error.reason
    except (
        ApiError, EmbeddedPostgresError, InvalidDatabaseUrlError, InvalidSettingsError, UnknownRevisionError,
        WallMissingError, OSError,
    ) as error:  # fmt: skip
        message = str(error)
    except psycopg.Error as error:
        problem = "cannot be reached" if isinstance(error, psycopg.OperationalError) else "refused"
        message = f"the database {problem}: {' '.join(str(error).split())}"
    else:
        return
    for line in message.splitlines():
        typer.echo(f"taskward: {line}", err=True)
    raise typer.Exit(1)
