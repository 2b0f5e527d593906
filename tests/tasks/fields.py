"""Two values for every field that can be set, for the tests that go through all fields."""

from dataclasses import dataclass, field
from typing import Any

from taskward.tasks.fields import CHANGEABLE, SETTABLE


@dataclass(frozen=True)
class Sample:
    """A value that is not the default, another one, and what else a task needs to have them."""

    one: Any
    other: Any
    beside: dict[str, Any] = field(default_factory=dict)


SAMPLES = {
    "title": Sample("Buy milk", "Buy bread"),
    "description": Sample("Two litres", "Three litres"),
    "completed": Sample(True, False),
    "uid": Sample("milk-1", "milk-2"),
    "due_date": Sample("2026-11-27", "2028-02-29"),
    "due_time": Sample("18:00", "00:00", {"due_date": "2026-11-27"}),
    "due_zone": Sample("Europe/Berlin", "America/New_York", {"due_date": "2026-11-27", "due_time": "18:00"}),
    "priority": Sample("high", "low"),
    "tags": Sample(["home", "plants"], ["Éclair"]),
}

NAMES = list(SETTABLE)
CHANGEABLE_NAMES = list(CHANGEABLE)


def task_with(name: str, value: Any) -> dict[str, Any]:
    """Return a body in which a field has a value, with what must be there as well."""
    return {"title": "A title", **SAMPLES[name].beside, name: value}


def new_values(**said: Any) -> dict[str, Any]:
    """Return the parameters of a statement that creates a task: `said`, and what the others are unless said."""
    defaults = {name: field.default for name, field in SETTABLE.items()}
    return {**defaults, "title": "Buy milk", **said}
