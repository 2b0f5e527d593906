"""`taskward import --dry-run`: what would be created, as a table, and what would be lost."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import typer
from pydantic import ValidationError

from taskward.api.errors import invalid
from taskward.cli.import_report import told_left_out, told_refusals
from taskward.cli.output import in_ascii
from taskward.client.api import in_words
from taskward.client.imports.found import Findings, Found
from taskward.client.imports.recognise import FORMATS
from taskward.strict_json import MalformedJsonError, decode
from taskward.tasks.schemas import TaskCreate
from taskward.terminal_text import harmless

MOST_IN_A_TABLE = 1000  # whose columns are as wide as their widest cell, so that it is held whole
COLUMNS = ("row", "done", "title", "due", "priority", "tags", "description")


class DryRun:
    """What would be created. Rows are printed as they are read, so that any number of them takes little memory."""

    def __init__(self, findings: Findings, *, as_json: bool) -> None:
        """Take where it is told what is wrong, and whether to print JSON."""
        self._findings, self._as_json = findings, as_json
        self._count = 0
        self._is_begun = False

    def print_rows(self, kind: str, found: Iterable[Found]) -> None:
        """Print what an import would create. Raises what reading raises."""
        rows = self._taken(found)
        if self._as_json:
            self._begin(kind)
            for number, each in enumerate(rows):
                sys.stdout.write(f"{',' if number else ''}\n  {in_ascii({'row': each.row, **each.task})}")
        elif sys.stdout.isatty():
            _print_table(rows)
        else:
            for each in rows:
                typer.echo("\t".join(harmless(cell) for cell in _cells(each)))

    def print_end(self, kind: str | None, stopped: str | None) -> None:
        """Print what would be lost, and what is wrong, such as what it was that broke it off."""
        findings = self._findings
        if self._as_json:
            self._print_end_of_json(kind, stopped)
        problems = () if stopped is None else (stopped,)
        for sentence in (*findings.remarks, *told_left_out(findings), *told_refusals(findings.refused), *problems):
            typer.echo(f"taskward: {harmless(sentence)}", err=True)
        if not self._as_json and kind and not (stopped and not self._count):
            refused = f", {len(findings.refused)} refused" if findings.refused else ""
            tasks = f"{self._count} {'task' if self._count == 1 else 'tasks'}{refused}"
            typer.echo(f"{FORMATS[kind][0]}: {tasks}. Nothing was created: a dry run.")

    def _taken(self, found: Iterable[Found]) -> Iterator[Found]:
        """Yield the tasks that the service would take, and refuse the others as it would."""
        for each in found:
            if refusal := refusal_of(each.task):
                self._findings.refuse(each.row, refusal)
            else:
                self._count += 1
                yield each

    def _begin(self, kind: str | None) -> None:
        self._is_begun = True
        sys.stdout.write(f'{{"format": {in_ascii(kind)}, "tasks": [')

    def _print_end_of_json(self, kind: str | None, stopped: str | None) -> None:
        if not self._is_begun:
            self._begin(kind)
        rest = {
            "refused": [{"row": row, "detail": detail} for row, detail in sorted(self._findings.refused)],
            "left_out": self._findings.left_out,
            "remarks": self._findings.remarks,
            "stopped": stopped,
        }
        sys.stdout.write(f"\n], {in_ascii(rest)[1:]}\n")


def refusal_of(task: Mapping[str, Any]) -> str | None:
    """Return what a service of this version says of a new task; None where it takes it."""
    data = json.dumps(task).encode()
    try:
        decode(data)
        TaskCreate.model_validate_json(data)
    except MalformedJsonError as error:
        return f"The body is not valid JSON: {error}."
    except ValidationError as error:
        return in_words(invalid("body", error).body()["errors"])
    return None


def _print_table(rows: Iterator[Found]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = [[harmless(cell) for cell in _cells(each)] for each in islice(rows, MOST_IN_A_TABLE)]
    table = Table(box=box.SIMPLE_HEAD)
    used = [number for number, _ in enumerate(COLUMNS) if any(cells[number] for cells in shown)]
    for number in used:
        table.add_column(COLUMNS[number], justify="right" if number == 0 else "left", overflow="fold")
    for cells in shown:
        table.add_row(*(Text(cells[number]) for number in used))
    Console(highlight=False).print(table)
    if more := sum(1 for _ in rows):
        typer.echo(f"… and {more} more")


def _cells(each: Found) -> tuple[str, ...]:
    task: Mapping[str, Any] = each.task
    due = " ".join(str(task[name]) for name in ("due_date", "due_time", "due_zone") if task.get(name))
    tags = task.get("tags") or []
    return (
        str(each.row),
        "x" if task.get("completed") is True else "-",
        str(task.get("title")),
        due,
        str(task.get("priority") or ""),
        ", ".join(map(str, tags)) if isinstance(tags, list) else str(tags),
        str(task.get("description") or ""),
    )
