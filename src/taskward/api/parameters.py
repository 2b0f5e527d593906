"""Path and query parameters, stricter than Python's own reading of text."""

from typing import Annotated, Any

from fastapi import Depends
from starlette.exceptions import HTTPException
from starlette.requests import Request

from taskward.errors import ValidationFailedError
from taskward.field_types import DIGITS, MAX_INT64

MAX_DIGITS = len(str(MAX_INT64))
BESIDE_TASKS = ("batch", "changes")  # stand where the number of a task would
MAX_SHOWN = 20  # characters of what is no number: a word, or a number that is too large


async def _task_id(request: Request) -> int:
    """Return the id in the path; raise ValidationFailedError for what no task can have.

    Raises HTTPException for a word that is an address of its own, which has other methods.
    """
    text: str = request.path_params["task_id"]
    if text in BESIDE_TASKS and request.scope["path"].endswith(f"/{text}"):
        raise HTTPException(405)
    if not DIGITS.match(text) or len(text) > MAX_DIGITS or int(text) > MAX_INT64:
        raise ValidationFailedError([("task_id", _no_number(text))])
    return int(text)


def _no_number(text: str) -> str:
    """Repeat what stands in the place of a number, if it is short and can be read: no token is, nor a trick."""
    if len(text) <= MAX_SHOWN and text.isprintable():
        return f"'{text}' is no task number"
    return "A task number is digits, such as 42"


TaskId = Annotated[int, Depends(_task_id)]

# What FastAPI would say of them, if they were its own kind of parameter and cost as much.
_PATH_PARAMETERS: dict[str, dict[str, Any]] = {
    "user_id": {
        "name": "user_id",
        "in": "path",
        "required": True,
        "description": "The user of the token; any other is answered with 403.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255},
        "example": "user_123",
    },
    "task_id": {
        "name": "task_id",
        "in": "path",
        "required": True,
        "description": "Given by the server when the task was created.",
        "schema": {"type": "integer", "minimum": 1, "maximum": MAX_INT64},
        "example": 1,
    },
    "session_id": {
        "name": "session_id",
        "in": "path",
        "required": True,
        "description": "As the list of your log-ins has it.",
        "schema": {"type": "string", "minLength": 1},
    },
    "token_id": {
        "name": "token_id",
        "in": "path",
        "required": True,
        "description": "As the list of your personal tokens has it.",
        "schema": {"type": "string", "minLength": 1},
    },
    "token": {
        "name": "token",
        "in": "path",
        "required": True,
        "description": "A personal token of the scope `calendar`. It is a secret, and so is the address.",
        "schema": {"type": "string", "pattern": "^twp_[0-9A-Za-z]{49}$"},
    },
}


def path_parameter(name: str) -> dict[str, Any]:
    """Return the documentation of a parameter in a path: all that is known of it, which may be its name alone."""
    unknown = {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
    return _PATH_PARAMETERS.get(name, unknown)
