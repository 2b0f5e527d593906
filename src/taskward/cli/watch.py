"""`taskward watch`."""

from typing import Annotated

import typer

from taskward.cli import values
from taskward.cli.options import Server, logged_in
from taskward.terminal_text import harmless

PANEL = "Tasks"
commands = typer.Typer()


@commands.command(rich_help_panel=PANEL)
def watch(
    since: Annotated[
        int | None,
        typer.Option(
            parser=values.whole_number(0),
            metavar="REVISION",
            help="Begin after this revision: that of the last line you have. Unless given: from now on.",
        ),
    ] = None,
    server: Server = None,
) -> None:
    """Print each change of your tasks as it happens, for programs: one JSON object on a line.

    A task as it is now, or {"deleted": …}. Goes on until you end it, also while the service is away. Exit code 6:
    what has changed since is not known any more.
    """
    with logged_in(server) as session:
        from taskward.cli.output import print_json_line
        from taskward.client.watching import changes, newest_revision

        try:
            if since is None:
                since = newest_revision(session)
                _tell(f"watching from revision {since} on.")
            for change in changes(session, since, _tell):
                print_json_line(change)
        except KeyboardInterrupt:
            return


def _tell(sentence: str) -> None:
    typer.echo(f"taskward: {harmless(sentence)}", err=True)
