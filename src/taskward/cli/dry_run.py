"""`taskward import --dry-run`: what would be created, as a table, and what would be lost."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import typer

from taskward.cli.import_report import dry_run_json, told_left_out, told_refusals
from taskward.client.errors import ClientError
from taskward.client.imports.found import Findings, Found
from taskward.terminal_text import harmless

MOST_IN_A_TABLE = 1000  # whose columns are as wide as their widest cell, so that it is held whole
COLUMNS = ("row", "done", "title", "due", "priority", "tags", "description")


def dry_run(kind: str, found: Iterable[Found], findings: Findings, *, as_json: bool) -> bool:
    """Print what an import would create; tell whether all of the file can be imported."""
    problems: list[str] = []
    rows = _until_broken(found, problems)
    if as_json:
        tasks = [{"row": each.row, **each.task} for each in rows]
        dry_run_json(kind, tasks, findings, problems[0] if problems else None)
        return not (problems or findings.refused)
    count = _print_table(rows) if sys.stdout.isatty() else _print_lines(rows)
    for sentence in (*findings.remarks, *told_left_out(findings), *told_refusals(findings.refused), *problems):
        typer.echo(f"taskward: {harmless(sentence)}", err=True)
    refused = f", {len(findings.refused)} refused" if findings.refused else ""
    typer.echo(f"{kind}: {count} {'task' if count == 1 else 'tasks'}{refused}. Nothing was created: a dry run.")
    return not (problems or findings.refused)


def _until_broken(found: Iterable[Found], problems: list[str]) -> Iterator[Found]:
    try:
        yield from found
    except ClientError as error:
        problems.append(str(error))


def _print_lines(rows: Iterable[Found]) -> int:
    count = 0
    for each in rows:
        count += 1
        typer.echo("\t".join(harmless(cell) for cell in _cells(each)))
    return count


def _print_table(rows: Iterator[Found]) -> int:
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
    more = sum(1 for _ in rows)
    if more:
        typer.echo(f"… and {more} more")
    return len(shown) + more


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
