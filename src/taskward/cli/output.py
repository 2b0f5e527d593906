"""Tasks on the screen: tables for people, one JSON document for programs, and nothing that a title could do."""

import json
import os
import sys
from collections.abc import Sequence
from typing import Any

import typer

from taskward.client.fields import Task
from taskward.terminal_text import harmless

COLUMNS = ("id", "done", "title", "updated")
# What `print_task` shows in a way of its own, or not at all; each other field has a line with its name.
WITH_A_PLACE = ("id", "user_id", "title", "description", "completed", "created_at", "updated_at", "revision")


def print_json(document: Any) -> None:
    """Print one JSON document in ASCII, so that no terminal and no locale can mistake it."""
    typer.echo(json.dumps(document, indent=2).replace("\x7f", "\\u007f"))


def print_tasks(tasks: Sequence[Task]) -> None:
    """Print a table; where nobody watches, plain lines with tabs between: id, x or -, title, time."""
    lines = [(str(task["id"]), "x" if task["completed"] else "-", harmless(task["title"]), task) for task in tasks]
    if not sys.stdout.isatty():
        for task_id, mark, title, task in lines:
            typer.echo("\t".join((task_id, mark, title, task["updated_at"])))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    plain = "NO_COLOR" in os.environ
    table = Table(box=box.SIMPLE_HEAD, header_style="" if plain else "bold")
    for column in COLUMNS:
        table.add_column(column, justify="right" if column == "id" else "left", overflow="fold")
    for task_id, mark, title, task in lines:
        style = "green" if task["completed"] else ""
        table.add_row(task_id, mark, Text(title, style=style), task["updated_at"][:16].replace("T", " "))
    Console(color_system=None if plain else "auto", highlight=False).print(table)


def print_task(task: Task, sentence: str = "") -> None:
    """Print all there is to know about a task, with a word before it if there is one to say.

    Also what this version does not know, where the service is newer.
    """
    typer.echo(f"{sentence} task {task['id']}: {harmless(task['title'])}".lstrip())
    typer.echo(f"  {'done' if task['completed'] else 'pending'}, revision {task['revision']}")
    typer.echo(f"  created {task['created_at']}, updated {task['updated_at']}")
    for name, value in task.items():
        if name not in WITH_A_PLACE and value not in (None, []):
            typer.echo(f"  {name}: {harmless(_in_words(value))}")
    for line in task["description"].split("\n") if task["description"] else ():
        typer.echo(f"  | {harmless(line)}")


def _in_words(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value)
