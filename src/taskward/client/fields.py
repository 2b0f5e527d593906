"""The fields of a task, as this version of the command line knows them. A newer service may have more."""

import json
from collections.abc import Callable, Mapping
from typing import Any, TypedDict, cast

PRIORITIES = ("high", "medium", "low")
BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False, "": False}


class Task(TypedDict):
    """A task as the service answers it. The order is that of the columns in CSV."""

    id: int
    uid: str | None
    user_id: str
    title: str
    description: str | None
    completed: bool
    completed_at: str | None
    due_date: str | None
    due_time: str | None
    due_zone: str | None
    priority: str | None
    tags: list[str]
    created_at: str
    updated_at: str
    revision: int


class Page(TypedDict):
    """A page of a list."""

    tasks: list[Task]
    count: int
    next_cursor: str | None


def _text_or_none(cell: str) -> str | None:
    return cell or None


def _boolean(cell: str) -> bool | str:
    return BOOLEANS.get(cell.strip().lower(), cell)


def split_tags(text: str) -> list[str]:
    """Return the tags in a text, where commas separate them, without the white space around each."""
    return [tag.strip() for tag in text.split(",")] if text.strip() else []


def _tags(cell: str) -> list[str]:
    """Read what `tags_in_a_cell` writes, and JSON, as versions wrote it that did not know tags."""
    try:
        tags = json.loads(cell) if cell.startswith("[") else None
    except ValueError:
        tags = None
    if isinstance(tags, list) and all(isinstance(tag, str) for tag in tags):
        return tags
    return split_tags(cell)


def tags_in_a_cell(tags: list[str]) -> str:
    """Return tags as people write them, with commas between; as JSON, should that look like JSON."""
    text = ",".join(tags)
    return json.dumps(tags) if text.startswith("[") else text


FIELDS = tuple(Task.__annotations__)
# What an import takes, and what a cell of a spreadsheet means there; the rest is the service's to give.
SETTABLE: dict[str, Callable[[str], object]] = {
    "uid": _text_or_none,
    "title": str,
    "description": _text_or_none,
    "completed": _boolean,
    "due_date": _text_or_none,
    "due_time": _text_or_none,
    "due_zone": _text_or_none,
    "priority": _text_or_none,
    "tags": _tags,
}
# Every service takes these. Of the others nothing is said where there is nothing to say.
FIRST_FIELDS = {"title", "description", "completed"}
NOT_SAID: tuple[object, ...] = (None, [])
LATER_FIELDS = ("uid", "completed_at", "due_date", "due_time", "due_zone", "priority")


def whole(task: Mapping[str, Any]) -> Task:
    """Return a task with all fields: an older service has not all of them."""
    return cast("Task", {"tags": [], **dict.fromkeys(LATER_FIELDS), **task})
