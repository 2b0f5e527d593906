"""Which format a file is in, by its content; its name decides only where the content could be two."""

import re
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

from taskward.client.errors import UsageError
from taskward.client.imports.files import Source, readable
from taskward.client.imports.found import BrokenFileError, Findings, Found, Options
from taskward.client.imports.tables import cells_in, folded

Reader = Callable[[Source, Options, Findings], Iterator[Found]]

# What `--from` takes, what it is called in sentences, and the module that reads it.
FORMATS = {
    "json": ("JSON of Taskward", "own_json"),
    "jsonl": ("JSON lines of Taskward", "own_json"),
    "csv": ("CSV", "own_csv"),
    "todoist": ("Todoist", "todoist"),
    "google-tasks": ("Google Tasks", "google_tasks"),
    "microsoft-todo": ("Microsoft To Do", "microsoft_todo"),
    "ticktick": ("TickTick", "ticktick"),
    "taskwarrior": ("taskwarrior", "taskwarrior"),
    "vikunja": ("Vikunja", "vikunja"),
    "icalendar": ("iCalendar", "icalendar"),
    "todo.txt": ("todo.txt", "todo_txt"),
    "markdown": ("Markdown", "markdown"),
}
TEXTS = {*FORMATS} - {"todoist", "google-tasks", "vikunja"}
OURS = ("json", "jsonl", "csv")
IN_LINES = re.compile(r"[ \t]*(?:[-*+]|[0-9]{1,9}[.)])[ \t]+\S", re.ASCII)
OF_TODO_TXT = re.compile(
    r"(?:x [0-9]{4}-|x \S|\([A-Z]\) |[0-9]{4}-[0-9]{2}-[0-9]{2} |.*(?:^| )(?:[+@]\S|due:[0-9]))"
)
FIRST_LINES = 50
OF_TODOISTS_SYNC = {"sync_token", "full_sync", "temp_id_mapping", "day_orders", "collaborator_states"}
CHARACTERS = 16 * 1024  # in which the first object has its names
SAY = "Say what it is with --from: " + ", ".join(FORMATS)


def reader_of(name: str) -> Reader:
    """Return what reads a format. Loads it now."""
    reader: Reader = import_module(f"taskward.client.imports.{FORMATS[name][1]}").read
    return reader


def found_in(source: Source, kind: str, options: Options, findings: Findings) -> Iterator[Found]:
    """Yield the tasks in a file of this format. Raises BrokenFileError where it cannot be read on."""
    if source.is_zip and kind in TEXTS:
        raise BrokenFileError(f"this is an archive, and no {FORMATS[kind][0]}. Unpack it first.")
    if not source.is_zip:
        source.head()  # raises for what is no file of any format
    if source.encoding == "cp1252":
        findings.remark("The file is not in UTF-8, and was read as Windows-1252. Look at letters such as é.")
    names: set[int] = set()
    with readable():
        for found in reader_of(kind)(source, options, findings):
            _look_at_name(found, names, findings)
            yield found


def _look_at_name(found: Found, names: set[int], findings: Findings) -> None:
    """Say of a row that it is none of its own, where an earlier one has its uid."""
    if (uid := found.task.get("uid")) is None:
        return
    name = hash(str(uid))  # which takes less memory
    if name in names:
        findings.remark("it has the uid of an earlier row, which is the one that counts", found.row)
    names.add(name)


def recognise(source: Source, names: Any = ()) -> str:
    """Return the format of a file; raise BrokenFileError or UsageError where it is none that is known.

    `names` says that columns were named, so that any table is one of ours.
    """
    if source.is_zip:
        return _of_archive(source)
    head = source.head()
    if head[:1] == "<":
        raise BrokenFileError("this is a web page or XML. Was an error page saved instead of the file?")
    if head[:15].upper() == "BEGIN:VCALENDAR":
        return "icalendar"
    if head[:1] in "[{" and not re.match(r"\[[ xX]\]", head):
        return _of_json(head)
    return _of_table(head, names) or _of_lines(source.name, head)


def _of_archive(source: Source) -> str:
    from taskward.client.imports.archives import called, names_in

    names = names_in(source)
    if called(names, "data.json"):
        return "vikunja"
    if called(names, "Tasks.json"):
        return "google-tasks"
    if any(name.lower().endswith(".csv") for name in names):
        return "todoist"
    raise UsageError("this archive is none of Todoist, Vikunja or Google Takeout. Unpack it first.")


def _of_json(head: str) -> str:
    """Tell by the names of the first object, whose end need not be there."""
    keys = set(re.findall(r'"([^"\\]{1,64})"\s*:', head[:CHARACTERS]))
    if "kind" in keys and re.search(r'"tasks#task(?:List)?s?"', head):
        return "google-tasks"
    if {"uuid", "entry", "status"} <= keys and "description" in keys:
        return "taskwarrior"
    if keys & {"importance", "dueDateTime", "isReminderOn", "wellknownListName", "lastModifiedDateTime"}:
        return "microsoft-todo"
    if {"is_archived", "hex_color"} <= keys or "child_projects" in keys:
        return "vikunja"
    if keys & OF_TODOISTS_SYNC or ("content" in keys and keys & {"project_id", "items", "is_completed"}):
        return "todoist"
    if head[:1] == "{" and '"items"' in head and '"projects"' in head:
        return "todoist"
    return "json" if head[:1] == "[" or "tasks" in keys else "jsonl"


def _of_table(head: str, names: Any) -> str | None:
    lines = [line for line in head.splitlines() if line.strip()]
    if any("List Name" in line and "Title" in line for line in lines[:20]):
        return "ticktick"
    first = lines[1] if lines[0].lower().startswith("sep=") and len(lines) > 1 else lines[0]
    cells = [folded(cell) for cell in cells_in(first)]
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
