"""What the commands for people share: options, the log-in, and errors told in one line."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from taskward.cli import values

if TYPE_CHECKING:  # loading these takes longer than `--help` may
    from taskward.client.api import Api
    from taskward.client.credentials import CredentialStore
    from taskward.client.session import Session

SERVER = "http://127.0.0.1:8000"

Server = Annotated[
    str | None,
    typer.Option(
        "--server",
        envvar="TASKWARD_SERVER",
        help="The address of the service.",
        show_default=f"that of the last log-in, or {SERVER}",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document, for programs.")]
TaskId = Annotated[int, typer.Argument(parser=values.task_id, metavar="ID", help="The number of the task.")]
TaskIds = Annotated[
    list[int], typer.Argument(parser=values.task_id, metavar="ID", help="The number of the task, or several.")
]
Revision = Annotated[
    int | None,
    typer.Option(
        "--revision",
        parser=values.whole_number(1),
        metavar="NUMBER",
        help="Only if the task is still at this revision. Unless given: as it is now.",
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Write even if the task has changed meanwhile.")]
Only = Annotated[bool | None, typer.Option("--open/--done", help="Only what is open, or only what is done.")]
# As the API and earlier versions say it.
Status = Annotated[
    Literal["all", "open", "done", "pending", "completed"] | None, typer.Option("--status", hidden=True)
]
STATUSES = {"open": "pending", "done": "completed"}


def status_of(only: bool | None, status: str | None) -> str:
    """Return which tasks are meant, in the word of the API."""
    if only is not None and status is not None:
        raise typer.BadParameter("say --open, --done or neither", param_hint="--status")
    if only is not None:
        status = "open" if only else "done"
    return STATUSES.get(status or "all", status or "all")


@contextmanager
def service(
    server: str | None, *, patience_seconds: float | None = None, away_seconds: float | None = None
) -> Iterator[Api]:
    """Give the service at an address; tell what goes wrong inside in one line, and exit with its code."""
    with told_in_a_line(), _connected(server, patience_seconds, away_seconds) as api:
        yield api


@contextmanager
def _connected(server: str | None, patience_seconds: float | None, away_seconds: float | None) -> Iterator[Api]:
    from taskward.client.address import Address
    from taskward.client.api import AWAY_SECONDS, PATIENCE_SECONDS, Api

    with Api(
        Address(server or _usual_server()),
        patience_seconds=PATIENCE_SECONDS if patience_seconds is None else patience_seconds,
        away_seconds=AWAY_SECONDS if away_seconds is None else away_seconds,
    ) as api:
        yield api


@contextmanager
def told_in_a_line() -> Iterator[None]:
    """Tell what goes wrong inside in one line, and exit with its code."""
    from taskward.client.errors import ClientError
    from taskward.os_errors import in_words
    from taskward.terminal_text import harmless

    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # not every locale has every title
    try:
        yield
    except ClientError as error:
        typer.echo(f"taskward: {harmless(str(error))}", err=True)
        raise typer.Exit(error.exit_code) from None
    except BrokenPipeError:
        raise  # whoever read has had enough; typer ends quietly
    except OSError as error:
        typer.echo(f"taskward: {harmless(in_words(error))}", err=True)
        raise typer.Exit(1) from None


def _usual_server() -> str:
    """Return where commands go that name no server. A script with a token of its own goes by no earlier log-in."""
    from taskward.client.accounts import TOKEN_VARIABLE

    return SERVER if TOKEN_VARIABLE in os.environ else store().last_server() or SERVER


@contextmanager
def logged_in(
    server: str | None, *, patience_seconds: float | None = None, away_seconds: float | None = None
) -> Iterator[Session]:
    """Give the session of whoever is logged in at an address, or of `TASKWARD_TOKEN`, as `service` does."""
    with told_in_a_line(), session_at(server, patience_seconds, away_seconds) as session:
        yield session


@contextmanager
def session_at(
    server: str | None, patience_seconds: float | None, away_seconds: float | None
) -> Iterator[Session]:
    """Give the session as `logged_in` does, and raise what goes wrong: ClientError, OSError."""
    with _connected(server, patience_seconds, away_seconds) as api:
        from taskward.client.accounts import token_of_environment
        from taskward.client.session import Session

        yield Session(api, store(), token_of_environment(api))


def store() -> CredentialStore:
    """Return where the tokens of this machine's user are."""
    from taskward.client.credentials import CredentialStore, configuration_folder

    return CredentialStore(configuration_folder())


def at_a_terminal() -> bool:
    """Tell whether somebody can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def read_standard_input() -> str:
    """Return what is piped in, without the line break at its end."""
    return sys.stdin.read().removesuffix("\n").removesuffix("\r")
