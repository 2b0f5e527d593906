"""todo.txt: a line for each task. What the format has no place for stands in keys, with blanks as %20."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from taskward.client.exports import uid_of
from taskward.client.imports.todo_txt import read_line

LETTERS = {"high": "A", "medium": "B", "low": "C"}
NOT_PLAIN = re.compile(r"[\s%\x00-\x1f\x7f-\x9f\u2028\u2029]")


def write_tasks(tasks: Iterable[Mapping[str, Any]], _: str, write: Callable[[str], object]) -> None:
    """Write tasks as they come."""
    for task in tasks:
        write(line_of(task) + "\n")


def line_of(task: Mapping[str, Any]) -> str:
    """Return a task as a line."""
    words = [*_begin(task), task["title"], *_keys(task)]
    line = " ".join(words)
    if "\r" in task["title"] or "\n" in task["title"] or read_line(line).title != task["title"]:
        words[words.index(task["title"])] = f"title:{quoted(task['title'])}"
    return " ".join(words)


def _begin(task: Mapping[str, Any]) -> Iterable[str]:
    letter = LETTERS.get(task["priority"] or "")
    if task["completed"]:
        yield "x"
        if task["completed_at"]:
            yield task["completed_at"][:10]
    elif letter:
        yield f"({letter})"
    if task["completed_at"] or not task["completed"]:
        yield task["created_at"][:10]


def _keys(task: Mapping[str, Any]) -> Iterable[str]:
    tags = task["tags"]
    if all(not NOT_PLAIN.search(tag) for tag in tags):
        yield from (f"@{tag}" for tag in tags)
    else:
        yield f"tags:{quoted(','.join(tags))}"
    if task["completed"] and task["priority"]:
        yield f"pri:{LETTERS[task['priority']]}"
    for key, name in (("due", "due_date"), ("at", "due_time"), ("zone", "due_zone"), ("note", "description")):
        if task[name]:
            yield f"{key}:{quoted(task[name])}"
    yield f"uid:{quoted(uid_of(task))}"


def quoted(text: str) -> str:
    """Return a text as one word."""
    return NOT_PLAIN.sub(lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), text)
