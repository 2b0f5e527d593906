"""`taskward import` and `export`."""

import io
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Literal, TextIO

import typer

from taskward.cli import values
from taskward.cli.options import AsJson, Only, Server, Status, logged_in, status_of
from taskward.client.fields import Page, Task

PANEL = "Files"
TOLD_REFUSALS = 20
commands = typer.Typer()

Kind = Annotated[
    Literal["json", "jsonl", "csv"] | None,
    typer.Option("--format", help="Unless given, what the file's name ends in."),
]


@commands.command("import", rich_help_panel=PANEL)
def import_file(
    path: Annotated[str, typer.Argument(metavar="FILE", help="A .json, .jsonl or .csv file; - reads a pipe.")],
    kind: Kind = None,
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
    """Create a task for each row of a JSON or CSV file.

    Repeat it whenever you like, and only what is missing is created.
    """
    with logged_in(server, patience_seconds=patience, away_seconds=patience) as session:
        from taskward.cli.output import print_json
        from taskward.client.importing import import_rows
        from taskward.client.rows import format_of, read_rows
        from taskward.terminal_text import harmless

        kind = kind or format_of(path)
        rows = created = 0
        refused: list[dict[str, Any]] = []
        left_out: Counter[str] = Counter()
        total = None if path == "-" else Path(path).stat().st_size
        with _opened(path) as (file, text), _progress("Importing", total) as moved:
            found = read_rows(text, kind, left_out)
            for outcome in import_rows(session, found, batch or Path(path).name, in_flight):
                rows, created = rows + 1, created + outcome.created
                if outcome.refusal is not None:
                    refused.append({"row": outcome.row, "detail": outcome.refusal})
                moved(0 if total is None else file.tell())
        if as_json:
            there = rows - created - len(refused)
            summary = {"rows": rows, "created": created, "already_there": there}
            print_json({**summary, "refused": refused, "left_out": left_out})
        else:
            typer.echo(_summary(rows, created, len(refused)))
        for name, count in left_out.items():
            typer.echo(
                f"taskward: left {harmless(name)!r} out of {count} rows, as this version does not know it."
                " A newer taskward imports it.",
                err=True,
            )
        for each in refused[:TOLD_REFUSALS]:
            typer.echo(f"taskward: row {each['row']}: {harmless(each['detail'])}", err=True)
        if len(refused) > TOLD_REFUSALS:
            typer.echo(f"taskward: and {len(refused) - TOLD_REFUSALS} more; --json names them all", err=True)
        if refused:
            raise typer.Exit(1)


@commands.command("export", rich_help_panel=PANEL)
def export_file(
    path: Annotated[str, typer.Argument(metavar="[FILE]", help="The file to write; - is standard output.")] = "-",
    kind: Kind = None,
    only: Only = None,
    status: Status = None,
    server: Server = None,
) -> None:
    """Write your tasks to a JSON or CSV file, the oldest first."""
    which = status_of(only, status)
    with logged_in(server, patience_seconds=60) as session:
        from taskward.atomic_files import written_whole
        from taskward.client import tasks
        from taskward.client.rows import format_of, write_rows

        kind = kind or format_of(path, "json" if path == "-" else None)
        pages = tasks.pages(session, status=which, sort="created", order="asc")
        if path == "-":
            sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
            write_rows(_tasks_of(pages), kind, _show if sys.stdout.isatty() else sys.stdout.write)
            sys.stdout.flush()
            return
        with (
            written_whole(Path(path), overwrite=True, mode=0o666) as draft,
            draft.open("w", encoding="utf-8", newline="") as text,
            _progress("Exporting") as moved,
        ):
            write_rows(_noted(_tasks_of(pages), moved), kind, text.write)


def _tasks_of(pages: Iterable[Page]) -> Iterator[Task]:
    for page in pages:
        yield from page["tasks"]


def _show(text: str) -> None:
    from taskward.terminal_text import harmless

    sys.stdout.write("\n".join(harmless(line) for line in text.replace("\r\n", "\n").split("\n")))


def _noted(rows: Iterable[Task], moved: Callable[[int], None]) -> Iterator[Task]:
    for number, row in enumerate(rows, 1):
        yield row
        moved(number)


def _summary(rows: int, created: int, refused: int) -> str:
    there = rows - created - refused
    parts = [
        f"{created} created",
        f"{there} already there" if there else "",
        f"{refused} refused" if refused else "",
    ]
    return f"{rows} rows: {', '.join(filter(None, parts))}."


@contextmanager
def _opened(path: str) -> Iterator[tuple[BinaryIO, TextIO]]:
    """Give a file as bytes, to see how far it has been read, and as text."""
    source: int | str = 0 if path == "-" else path
    with (
        io.BufferedReader(io.FileIO(source, closefd=path != "-")) as raw,
        io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as text,
    ):
        yield raw, text


@contextmanager
def _progress(what: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Give what tells how far it is; shown on standard error if somebody watches."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)
