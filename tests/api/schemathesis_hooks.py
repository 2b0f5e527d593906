"""What Schemathesis cannot know of valid requests, as JSON Schema has no words for it. It loads this file."""

from typing import Any
from zoneinfo import available_timezones

import schemathesis
from hypothesis import strategies

TAG_LENGTH = 50
NEEDS = {"due_time": "due_date", "due_zone": "due_time"}

schemathesis.openapi.format("iana-time-zone", strategies.sampled_from(sorted(available_timezones())))
schemathesis.openapi.format("entity-tags", strategies.from_regex(r'\A(\*|(W/)?"[!#-~]*"(, "[!#-~]*")*)\Z'))


@schemathesis.hook
def filter_case(_: schemathesis.HookContext, case: schemathesis.Case[Any]) -> bool:
    """Leave out what may be valid or not: times whose day a task may have, tags and tasks named twice."""
    body = case.body
    if not isinstance(body, dict):
        return True
    if isinstance(body.get("expires_in_days"), float):
        return False  # 90.0 is an integer to JSON Schema, and none to us
    operations = body.get("operations")
    if isinstance(operations, list):
        return _names_each_once(operations) and all(
            _is_clear(each) and _has_its_needs(each) for each in operations
        )
    return _is_clear({"do": "update" if case.method in ("PUT", "PATCH") else "create", "task": body})


def _is_clear(operation: Any) -> bool:
    if not isinstance(operation, dict):
        return True
    if any(isinstance(operation.get(name), float) for name in ("id", "if_revision")):
        return False  # 7.0 is an integer to JSON Schema, and none to us
    task = operation.get("task")
    if not isinstance(task, dict):
        return True
    if operation.get("do") == "update" and any(name in task and NEEDS[name] not in task for name in NEEDS):
        return False
    tags = task.get("tags")
    texts = {tag for tag in tags if isinstance(tag, str)} if isinstance(tags, list) else set()
    if any(len(text) > TAG_LENGTH >= len(text.strip()) for text in texts):
        return False  # what is trimmed does not count
    return len({text.casefold() for text in texts}) == len(texts)


def _has_its_needs(operation: Any) -> bool:
    """Tell whether a task has what its fields need. Deep in a body, `dependentSchemas` are not looked at."""
    task = operation.get("task") if isinstance(operation, dict) else None
    if not isinstance(task, dict):
        return True
    return all(task.get(name) is None or task.get(needed) is not None for name, needed in NEEDS.items())


def _names_each_once(operations: list[Any]) -> bool:
    names = [_name_of(each) for each in operations if isinstance(each, dict)]
    return len(set(map(repr, names))) == len(names)


def _name_of(operation: dict[str, Any]) -> object:
    task = operation.get("task")
    return task.get("uid") if operation.get("do") == "create" and isinstance(task, dict) else operation.get("id")
