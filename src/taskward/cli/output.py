"""Tasks on the screen: tables for people, one JSON document for programs, and nothing that a title could do."""

import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

import typer

from taskward.client.fields import Task, whole
from taskward.client.local_time import due_here, due_in_words, to_the_minute
from taskward.terminal_text import harmless

# The columns of a table, each only where a task has something to show there. Times are those of the user's zone.
COLUMNS: dict[str, Callable[[Task], str]] = {
    "id": lambda task: str(task["id"]),
    "done": lambda task: _mark(task),
    "title": lambda task: task["title"],
    "due": due_here,
    "priority": lambda task: task["priority"] or "",
    "tags": lambda task: ", ".join(task["tags"]),
    "updated": lambda task: to_the_minute(task["updated_at"]),
}
# The columns elsewhere, all of them always. Later ones stand behind, so that each keeps its number.
PLAIN_COLUMNS: tuple[Callable[[Task], str], ...] = (
    COLUMNS["id"],
    COLUMNS["done"],
    COLUMNS["title"],
    lambda task: task["updated_at"],
    COLUMNS["due"],
    COLUMNS["priority"],
    COLUMNS["tags"],
)
# What `print_task` shows in a way of its own, or not at all; each other field has a line with its name.
WITH_A_PLACE = (
    "id", "user_id", "title", "description", "completed", "completed_at", "due_date", "due_time", "due_zone",
    "created_at", "updated_at", "revision",
)  # fmt: skip


def print_json(document: Any) -> None:
    """Print one JSON document in ASCII, so that no terminal and no locale can mistake it."""
    typer.echo(json.dumps(document, indent=2).replace("\x7f", "\\u007f"))


def in_ascii(document: Any) -> str:
    """Return JSON in one line, for a terminal as well."""
    return json.dumps(document).replace("\x7f", "\\u007f")


def print_json_line(document: Any) -> None:
    """Print one JSON document on one line, in ASCII as well, and at once."""
    typer.echo(in_ascii(document))


def print_tasks(tasks: Sequence[Task]) -> None:
    """Print a table; where nobody watches, plain lines with tabs between, as in `PLAIN_COLUMNS`."""
    tasks = [whole(task) for task in tasks]
    if sys.stdout.isatty():
        _print_table(tasks)
        return
    for task in tasks:
        typer.echo("\t".join(harmless(text(task)) for text in PLAIN_COLUMNS))


def _print_table(tasks: Sequence[Task]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not tasks:
        typer.echo("No tasks.")
        return
    plain = "NO_COLOR" in os.environ
    table = Table(box=box.SIMPLE_HEAD, header_style="" if plain else "bold")
    shown = {name: text for name, text in COLUMNS.items() if any(text(task) for task in tasks)}
    for name in shown:
        table.add_column(name, justify="right" if name == "id" else "left", overflow="fold")
    for task in tasks:
        style = "green" if task["completed"] else ""
        cells = {name: harmless(text(task)) for name, text in shown.items()}
        table.add_row(*(Text(cell, style=style if name == "title" else "") for name, cell in cells.items()))
    Console(color_system=None if plain else "auto", highlight=False).print(table)


def print_task(task: Task, sentence: str = "") -> None:
    """Print all there is to know about a task, with a word before it if there is one to say.

    Also what this version does not know, where the service is newer.
    """
    task = whole(task)
    typer.echo(f"{sentence} task {task['id']}: {harmless(task['title'])}".lstrip())
    typer.echo(f"  {'done' if task['completed'] else 'open'}, revision {task['revision']}")
    times = {"created": task["created_at"], "updated": task["updated_at"], "done": task["completed_at"]}
    typer.echo("  " + ", ".join(f"{what} {to_the_minute(when)}" for what, when in times.items() if when))
    if due := due_in_words(task):
        typer.echo(f"  due {harmless(due)}")
    for name, value in task.items():
        if name not in WITH_A_PLACE and value not in (None, []):
            typer.echo(f"  {name}: {harmless(_in_words(value))}")
    for line in task["description"].split("\n") if task["description"] else ():
        typer.echo(f"  | {harmless(line)}")


def _mark(task: Task) -> str:
    return "x" if task["completed"] else "-"


def _in_words(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value)
