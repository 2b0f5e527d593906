"""The fields of a task, as this version of the command line knows them. A newer service may have more."""

from collections.abc import Callable
from typing import TypedDict

BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False, "": False}


class Task(TypedDict):
    """A task as the service answers it. The order is that of the columns in CSV."""

    id: int
    title: str
    description: str | None
    completed: bool
    created_at: str
    updated_at: str
    revision: int
    user_id: str


class Page(TypedDict):
    """A page of a list."""

    tasks: list[Task]
    count: int
    next_cursor: str | None


def _text_or_none(cell: str) -> str | None:
    return cell or None


def _boolean(cell: str) -> bool | str:
    return BOOLEANS.get(cell.strip().lower(), cell)


FIELDS = tuple(Task.__annotations__)
# What an import takes, and what a cell of a spreadsheet means there; the rest is the service's to give.
SETTABLE: dict[str, Callable[[str], object]] = {
    "title": str,
    "description": _text_or_none,
    "completed": _boolean,
}
