"""Tasks written to files, one by one as they come: a file for each format."""

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any, Literal

from taskward.client.errors import UsageError

Format = Literal["json", "jsonl", "csv", "icalendar", "todo.txt", "markdown"]
Write = Callable[[str], object]

BOM = "\ufeff"
WRITERS = {"json": "own", "jsonl": "own", "csv": "own", "icalendar": "icalendar", "todo.txt": "todo_txt"}
ENDINGS: dict[str, Format] = {
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".ics": "icalendar",
    ".txt": "todo.txt",
    ".md": "markdown",
}


def format_of(name: str, default: Format | None = None) -> Format:
    """Return the format that a file's name ends in. Raises UsageError where that says nothing."""
    found = next((kind for ending, kind in ENDINGS.items() if name.lower().endswith(ending)), default)
    if found is None:
        raise UsageError(f"{name} ends in none of {', '.join(ENDINGS)}. Say what it is to be with --format.")
    return found


def write_tasks(tasks: Iterable[Mapping[str, Any]], kind: Format, write: Write, *, bom: bool = False) -> None:
    """Write tasks as they come. With `bom`, the file begins with the mark by which Excel knows UTF-8."""
    if bom:
        write(BOM)
    writer = import_module(f"taskward.client.exports.{WRITERS.get(kind, kind)}")
    writer.write_tasks(tasks, kind, write)


def uid_of(task: Mapping[str, Any]) -> str:
    """Return a name for a task also where it has none: it tells an import which task of which account it was."""
    if task.get("uid"):
        return str(task["uid"])
    return f"taskward-{task['id']}-{task['created_at']}"
