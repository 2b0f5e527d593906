"""Markdown: a list with boxes to tick, and below each task what else there is to say of it."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from taskward.client.exports import uid_of

# What JSON leaves as it is, and programs take for the end of a line.
BREAKS = re.compile(r"[\x7f-\x9f\u2028\u2029]")
PLAIN = re.compile(r"[^\s\"\\\x00-\x1f\x7f-\x9f](?:[^\\\x00-\x1f\x7f-\x9f\u2028\u2029]*[^\s\\])?\Z")


def write_tasks(tasks: Iterable[Mapping[str, Any]], _: str, write: Callable[[str], object]) -> None:
    """Write tasks as they come."""
    for task in tasks:
        write("".join(f"{line}\n" for line in _lines(task)))


def _lines(task: Mapping[str, Any]) -> Iterable[str]:
    yield f"- [{'x' if task['completed'] else ' '}] {_text(task['title'])}"
    due = " ".join(task[name] for name in ("due_date", "due_time", "due_zone") if task[name])
    tags = ", ".join(task["tags"])
    details = {"Due": due, "Priority": task["priority"], "Tags": tags, "Uid": uid_of(task)}
    yield from (f"  - {name}: {_text(value)}" for name, value in details.items() if value)
    if task["description"]:
        yield f"  - Description: {_text(task['description'])}"


def _text(text: str) -> str:
    """Return a text as it is where it is plain, and else as JSON has it."""
    if PLAIN.match(text) and "  " not in text and not text.startswith(("[ ]", "[x]", "[X]")):
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return BREAKS.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)
