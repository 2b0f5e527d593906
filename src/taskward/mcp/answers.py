"""What a model reads: tasks as short as they can be told, each text of a user's in a field of its own."""

from collections.abc import Mapping
from typing import Any

from orjson import Fragment, loads

from taskward.errors import ValidationFailedError
from taskward.mcp.arguments import MADE_UP
from taskward.strict_json import encode
from taskward.tasks.batch_schemas import BatchResults
from taskward.tasks.service import Page

# An agent has one user, and people do not ask when they wrote something down. All else is told that says anything.
LEFT_OUT = {"user_id", "created_at", "updated_at", "completed_at"}
WRITE_INSTEAD = "Nothing was done. Correct this, and call the tool again:"

Answer = dict[str, Any]


def told(answer: Any, *, failed: bool = False) -> Answer:
    """Return the result of a tool: once as JSON, and the same as text for clients that know no better."""
    data = encode(answer)
    result = {"content": _text(data.decode()), "structuredContent": Fragment(data)}
    return {**result, "isError": True} if failed else result


def refused(error: ValidationFailedError) -> Answer:
    """Return the result of a tool whose arguments are wrong: what to write instead, a line for each."""
    lines = [f"{field}: {message}" for field, message in error.errors]
    return {"content": _text("\n".join([WRITE_INSTEAD, *lines])), "isError": True}


def found(page: Page) -> Any:
    """Return a page of tasks, and how many there are on all pages."""
    tasks = loads(b"[" + b",".join(page.tasks) + b"]")
    answer = {"tasks": [short(task) for task in tasks], "count": page.count}
    return {**answer, "next_cursor": page.next_cursor} if page.next_cursor else answer


def written(done: BatchResults) -> tuple[Any, bool]:
    """Return the tasks that were written and those that could not be, and whether that is all of them."""
    results: list[Any] = done["results"]
    tasks = [short(result["task"]) for result in results if "task" in result]
    not_done = [_not_done(result) for result in results if "task" not in result]
    return {"tasks": tasks, **({"not_done": not_done} if not_done else {})}, not tasks


def short(task: Mapping[str, Any]) -> dict[str, Any]:
    """Return a task without what is null, false or empty, and without a name that was made up here."""
    kept = {name: value for name, value in task.items() if value and name not in LEFT_OUT}
    if str(kept.get("uid", "")).startswith(MADE_UP):
        del kept["uid"]
    return kept


def _not_done(result: Mapping[str, Any]) -> dict[str, Any]:
    said = {**short({name: result.get(name) for name in ("id", "uid")}), "why": result["detail"]}
    return {**said, "current": short(result["current"])} if "current" in result else said


def _text(text: str) -> list[dict[str, str]]:
    return [{"type": "text", "text": text}]
