"""Which format a file is in, by its content; its name decides only where the content could be two."""

import re
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

from taskward.client.errors import UsageError
from taskward.client.imports.files import Source
from taskward.client.imports.found import BrokenFileError, Findings, Found, Options
from taskward.client.imports.tables import delimiter_of, folded

Reader = Callable[[Source, Options, Findings], Iterator[Found]]

# What `--from` takes, what it is called in sentences, and the module and function that read it.
FORMATS = {
    "json": ("JSON of Taskward", "own", "read_json"),
    "jsonl": ("JSON lines of Taskward", "own", "read_json"),
    "csv": ("CSV", "own", "read_csv"),
    "todoist": ("Todoist", "todoist", "read"),
    "google-tasks": ("Google Tasks", "google_tasks", "read"),
    "microsoft-todo": ("Microsoft To Do", "microsoft_todo", "read"),
    "ticktick": ("TickTick", "ticktick", "read"),
    "taskwarrior": ("taskwarrior", "taskwarrior", "read"),
    "vikunja": ("Vikunja", "vikunja", "read"),
    "icalendar": ("iCalendar", "icalendar", "read"),
    "todo.txt": ("todo.txt", "todo_txt", "read"),
    "markdown": ("Markdown", "markdown", "read"),
}
TEXTS = {*FORMATS} - {"todoist", "google-tasks", "vikunja"}
OURS = ("json", "jsonl", "csv")
IN_LINES = re.compile(r"[ \t]*(?:[-*+]|[0-9]{1,9}[.)])[ \t]+\S", re.ASCII)
OF_TODO_TXT = re.compile(
    r"(?:x [0-9]{4}-|x \S|\([A-Z]\) |[0-9]{4}-[0-9]{2}-[0-9]{2} |.*(?:^| )(?:[+@]\S|due:[0-9]))"
)
FIRST_LINES = 50
CHARACTERS = 16 * 1024  # in which the first object has its names
SAY = "Say what it is with --from: " + ", ".join(FORMATS)


def reader_of(name: str) -> Reader:
    """Return what reads a format. Loads it now."""
    _, module, function = FORMATS[name]
    reader: Reader = getattr(import_module(f"taskward.client.imports.{module}"), function)
    return reader


def found_in(source: Source, kind: str, options: Options, findings: Findings) -> Iterator[Found]:
    """Yield the tasks in a file of this format. Raises BrokenFileError where it cannot be read on."""
    if source.is_zip and kind in TEXTS:
        raise BrokenFileError(f"this is an archive, and no {FORMATS[kind][0]}. Unpack it first.")
    try:
        yield from reader_of(kind)(source, options, findings)
    except UnicodeDecodeError:
        raise BrokenFileError("the file ends in the middle of a character. Was it copied whole?") from None


def recognise(source: Source, names: Any = ()) -> str:
    """Return the format of a file; raise BrokenFileError or UsageError where it is none that is known.

    `names` says that columns were named, so that any table is one of ours.
    """
    if source.is_zip:
        return _of_archive(source)
    head = source.head().lstrip("\ufeff \t\r\n")
    if not head:
        raise BrokenFileError("there is nothing in the file but white space")
    if head[:1] == "<":
        raise BrokenFileError("this is a web page or XML. Was an error page saved instead of the file?")
    if head[:15].upper() == "BEGIN:VCALENDAR":
        return "icalendar"
    if head[:1] in "[{" and not re.match(r"\[[ xX]\]", head):
        return _of_json(head)
    return _of_table(head, names) or _of_lines(source.name, head)


def _of_archive(source: Source) -> str:
    from taskward.client.imports.archives import names_in

    names = names_in(source)
    if "data.json" in names:
        return "vikunja"
    if any(name.rpartition("/")[2] == "Tasks.json" for name in names):
        return "google-tasks"
    if any(name.lower().endswith(".csv") for name in names):
        return "todoist"
    raise UsageError("this archive is none of Todoist, Vikunja or Google Takeout. Unpack it first.")


def _of_json(head: str) -> str:
    """Tell by the names of the first object, whose end need not be there."""
    keys = set(re.findall(r'"([^"\\]{1,64})"\s*:', head[:CHARACTERS]))
    if "tasks#taskLists" in head or "tasks#tasks" in head or '"tasks#task"' in head:
        return "google-tasks"
    if {"uuid", "entry", "status"} <= keys and "description" in keys:
        return "taskwarrior"
    if keys & {"importance", "dueDateTime", "isReminderOn", "wellknownListName", "lastModifiedDateTime"}:
        return "microsoft-todo"
    if "sync_token" in keys or ("content" in keys and keys & {"project_id", "items", "is_completed"}):
        return "todoist"
    if head[:1] == "{" and '"items"' in head and '"projects"' in head:
        return "todoist"
    return "json" if head[:1] == "[" or "tasks" in keys else "jsonl"


def _of_table(head: str, names: Any) -> str | None:
    lines = [line for line in head.splitlines() if line.strip()]
    if any("List Name" in line and "Title" in line for line in lines[:20]):
        return "ticktick"
    first = lines[1] if lines[0].lower().startswith("sep=") and len(lines) > 1 else lines[0]
    cells = [folded(cell.strip().strip('"')) for cell in first.split(delimiter_of(first))]
    if {"type", "content"} <= set(cells):
        return "todoist"
    if "title" in cells or names or lines[0].lower().startswith("sep="):
        return "csv"
    return None


def _of_lines(name: str, head: str) -> str:
    ending = name.lower().rpartition(".")[2]
    lines = [line for line in head.splitlines() if line.strip()][:FIRST_LINES]
    if ending in ("md", "markdown"):
        return "markdown"
    if ending == "csv":
        return "csv"  # which has no title, and that is what it will say
    listed = sum(bool(IN_LINES.match(line)) for line in lines)
    todo = sum(bool(OF_TODO_TXT.match(line)) for line in lines)
    if listed and listed >= todo:
        return "markdown"
    if todo or ending == "txt":
        return "todo.txt"
    raise UsageError(f"this is nothing that is known. {SAY}")
