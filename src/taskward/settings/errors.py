"""What is wrong with a setting, in one line: its name, the cause, and what it must be."""

from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails


class InvalidSettingsError(Exception):
    """The settings contradict themselves or the rules; the message has one line for each."""


def one_line(problem: ErrorDetails, fields: Mapping[str, FieldInfo], names: Mapping[str, str]) -> str:
    """Return what a problem is, where `names` has the variables that other names were read from.

    No value is repeated, for it may be a secret in the wrong place.
    """
    name = ".".join(str(part) for part in problem["loc"])
    message = str(problem["msg"]).removeprefix("Value error, ")
    if problem["type"] != "value_error" and (field := fields.get(name.lower())) is not None:
        message = f"this must be {_wanted(field)}"
    return f"{names.get(name, name).upper()}: {message}" if name else message


def _wanted(field: FieldInfo) -> str:
    kinds = [kind for kind in get_args(field.annotation) or (field.annotation,) if kind is not type(None)]
    if get_origin(field.annotation) is Literal:
        return _one_of([str(choice) for choice in get_args(field.annotation)])
    if bool in kinds:
        return "true or false"
    if int in kinds:
        return f"a whole number{_range(field)}, such as {_example(field)}"
    if float in kinds:
        return f"a number{_range(field)}, such as {_example(field)}"
    return "a text"


def _one_of(choices: list[str]) -> str:
    return " or ".join(filter(None, [", ".join(choices[:-1]), choices[-1]]))


def _range(field: FieldInfo) -> str:
    low = [limit.ge for limit in field.metadata if hasattr(limit, "ge")]
    high = [limit.le for limit in field.metadata if hasattr(limit, "le")]
    return f" from {low[0]} to {high[0]}" if low and high else ""


def _example(field: FieldInfo) -> Any:
    return (field.examples or [field.default])[0]
