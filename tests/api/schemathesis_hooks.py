"""What Schemathesis cannot know of valid requests, as JSON Schema has no words for it. It loads this file."""

from typing import Any
from zoneinfo import available_timezones

import schemathesis
from hypothesis import strategies

NEEDS = {"due_time": "due_date", "due_zone": "due_time"}

schemathesis.openapi.format("iana-time-zone", strategies.sampled_from(sorted(available_timezones())))
schemathesis.openapi.format("entity-tags", strategies.from_regex(r'\A(\*|(W/)?"[!#-~]*"(, "[!#-~]*")*)\Z'))


@schemathesis.hook
def filter_case(_: schemathesis.HookContext, case: schemathesis.Case[Any]) -> bool:
    """Leave out what may be valid or not: times whose day a task may have, tags and tasks named twice."""
    body = case.body
    if not isinstance(body, dict):
        return True
    operations = body.get("operations")
    if isinstance(operations, list):
        return _names_each_once(operations) and all(map(_is_clear, operations))
    return _is_clear({"do": "update" if case.method in ("PUT", "PATCH") else "create", "task": body})


def _is_clear(operation: Any) -> bool:
    task = operation.get("task") if isinstance(operation, dict) else None
    if not isinstance(task, dict):
        return True
    if operation.get("do") == "update" and any(name in task and NEEDS[name] not in task for name in NEEDS):
        return False
    tags = task.get("tags")
    texts = {tag for tag in tags if isinstance(tag, str)} if isinstance(tags, list) else set()
    return len({text.casefold() for text in texts}) == len(texts)


def _names_each_once(operations: list[Any]) -> bool:
    names = [repr(_name_of(each)) for each in operations if isinstance(each, dict)]
    return len(set(names)) == len(names)


def _name_of(operation: dict[str, Any]) -> object:
    task = operation.get("task")
    return task.get("uid") if operation.get("do") == "create" and isinstance(task, dict) else operation.get("id")
