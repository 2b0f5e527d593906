"""What the commands for people share: options, the log-in, and errors told in one line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # loading these takes longer than `--help` may
    from taskward.client.api import Api
    from taskward.client.session import Session

SERVER = "http://127.0.0.1:8000"

Server = Annotated[str, typer.Option("--server", envvar="TASKWARD_SERVER", help="The address of the service.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document, for programs.")]
TaskId = Annotated[int, typer.Argument(min=1, help="The number of the task.")]
Revision = Annotated[
    int | None,
    typer.Option(
        "--revision", min=1, help="Only if the task is still at this revision. Unless given: as it is now."
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Write even if the task has changed meanwhile.")]


@contextmanager
def service(
    server: str, *, patience_seconds: float | None = None, away_seconds: float | None = None
) -> Iterator[Api]:
    """Give the service at an address; tell what goes wrong inside in one line, and exit with its code."""
    from taskward.client.address import Address
    from taskward.client.api import AWAY_SECONDS, PATIENCE_SECONDS, Api
    from taskward.client.errors import ClientError
    from taskward.os_errors import in_words
    from taskward.terminal_text import harmless

    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # not every locale has every title
    try:
        with Api(
            Address(server),
            patience_seconds=PATIENCE_SECONDS if patience_seconds is None else patience_seconds,
            away_seconds=AWAY_SECONDS if away_seconds is None else away_seconds,
        ) as api:
            yield api
    except ClientError as error:
        typer.echo(f"taskward: {harmless(str(error))}", err=True)
        raise typer.Exit(error.exit_code) from None
    except BrokenPipeError:
        raise  # whoever read has had enough; typer ends quietly
    except OSError as error:
        typer.echo(f"taskward: {harmless(in_words(error))}", err=True)
        raise typer.Exit(1) from None


@contextmanager
def logged_in(
    server: str, *, patience_seconds: float | None = None, away_seconds: float | None = None
) -> Iterator[Session]:
    """Give the session of whoever is logged in at an address, as `service` does."""
    with service(server, patience_seconds=patience_seconds, away_seconds=away_seconds) as api:
        from taskward.client.credentials import CredentialStore, configuration_folder
        from taskward.client.session import Session

        yield Session(api, CredentialStore(configuration_folder()))


def at_a_terminal() -> bool:
    """Tell whether somebody can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def read_standard_input() -> str:
    """Return what is piped in, without the line break at its end."""
    return sys.stdin.read().removesuffix("\n").removesuffix("\r")
