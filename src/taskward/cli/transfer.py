"""`taskward import` and `export`."""

import sys
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from taskward.cli import values
from taskward.cli.options import AsJson, Only, Server, Status, logged_in, session_at, status_of, told_in_a_line

if TYPE_CHECKING:  # loading these takes longer than `--help` may
    from taskward.client.fields import Task

PANEL = "Files"
commands = typer.Typer()

From = Annotated[
    Literal[
        "json", "jsonl", "csv", "todoist", "google-tasks", "microsoft-todo", "ticktick", "taskwarrior", "vikunja",
        "icalendar", "todo.txt", "markdown",
    ]
    | None,
    typer.Option("--from", "--format", help="What the file is. Unless given, its content tells."),
]  # fmt: skip
To = Annotated[
    Literal["json", "jsonl", "csv", "icalendar", "todo.txt", "markdown"] | None,
    typer.Option("--format", help="Unless given, what the file's name ends in."),
]


@commands.command("import", rich_help_panel=PANEL)
def import_file(
    path: Annotated[str, typer.Argument(metavar="FILE", help="A file of Taskward or others; - reads a pipe.")],
    kind: From = None,
    names: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            parser=values.field_and_name,
            metavar="FIELD=NAME",
            help="Which name of a CSV or JSON file is which field. All other columns go to the description.",
        ),
    ] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", help="A tag for all; several with commas.")] = None,
    zone: Annotated[
        str | None,
        typer.Option(
            "--zone",
            parser=values.time_zone,
            metavar="ZONE",
            help="Your time zone, where days and times were said. Unless given, that of this machine.",
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Print what would be created and lost. Asks no service."),
    ] = False,
    batch: Annotated[
        str | None, typer.Option(help="Another name creates the same rows anew. [the FILE's name]")
    ] = None,
    in_flight: Annotated[
        int,
        typer.Option(
            parser=values.whole_number(1, 32),
            metavar="NUMBER",
            help="Batches of up to 100 rows at a time. Only 1 keeps the order of the rows.",
        ),
    ] = 1,
    patience: Annotated[
        float,
        typer.Option(
            parser=values.seconds, metavar="SECONDS", help="How long to go on while the service is away or busy."
        ),
    ] = 120,
    as_json: AsJson = False,
    server: Server = None,
) -> None:
    """Create a task for each row of a file: of Taskward, Todoist, Google, Microsoft and others.

    Repeat it whenever you like, and only what is missing is created.
    """
    with told_in_a_line():
        from taskward.cli.import_file import Import
        from taskward.client.imports.found import Options

        file = Import(path, kind, Options(values.map_of(names), zone, values.tags(tag) or ()), as_json=as_json)
        if dry_run:
            code = file.dry_run()
        else:
            code = file.run(lambda: session_at(server, patience, patience), batch, in_flight)
        if code:
            raise typer.Exit(code)


@commands.command("export", rich_help_panel=PANEL)
def export_file(
    path: Annotated[str, typer.Argument(metavar="[FILE]", help="The file to write; - is standard output.")] = "-",
    kind: To = None,
    bom: Annotated[bool, typer.Option("--bom", help="Begin a CSV file with a mark, for Excel.")] = False,
    only: Only = None,
    status: Status = None,
    server: Server = None,
) -> None:
    """Write your tasks to a file, the oldest first: JSON, CSV, iCalendar, todo.txt or Markdown."""
    which = status_of(only, status)
    with logged_in(server, patience_seconds=60) as session:
        from pathlib import Path

        from taskward.atomic_files import written_whole
        from taskward.cli.progress import progress
        from taskward.client import tasks
        from taskward.client.exports import format_of, write_tasks

        kind = kind or format_of(path, "json" if path == "-" else None)
        if bom and kind != "csv":
            raise typer.BadParameter("the mark is for CSV alone", param_hint="--bom")
        pages = tasks.pages(session, status=which, sort="created", order="asc")
        if path == "-" and sys.stdout.isatty():
            write_tasks((task for page in pages for task in page["tasks"]), kind, _show, bom=bom)
            return
        first = next(pages)
        with progress("Exporting", first["count"]) as told:

            def counted() -> "Iterator[Task]":
                done = 0
                for page in chain([first], pages):
                    yield from page["tasks"]
                    done += len(page["tasks"])
                    told(done, f"{done:,} tasks")

            if path == "-":
                sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
                write_tasks(counted(), kind, sys.stdout.write, bom=bom)
                sys.stdout.flush()
                return
            with (
                written_whole(Path(path), overwrite=True, mode=0o666) as draft,
                draft.open("w", encoding="utf-8", newline="") as text,
            ):
                write_tasks(counted(), kind, text.write, bom=bom)


def _show(text: str) -> None:
    from taskward.terminal_text import harmless

    sys.stdout.write("\n".join(harmless(line) for line in text.replace("\r\n", "\n").split("\n")))
