"""A section for each setting, written from the settings themselves."""

from pathlib import Path
from textwrap import fill
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from taskward.settings import Settings
from taskward.settings.unread_names import variables

WIDTH = 115

KINDS = {
    int: "number",
    float: "number",
    str: "text",
    bool: "`true` or `false`",
    Path: "path",
    SecretStr: "secret",
    tuple: "list",
}


def text() -> str:
    """Return the sections."""
    return "\n".join(_section(name, field) for name, field in Settings.model_fields.items())


def written(value: Any) -> str:
    """Return a default as one would write it."""
    if value is None or value == ():
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _section(name: str, field: FieldInfo) -> str:
    written_as = variables(name, field)
    default = f"`{written(field.default)}`" if written(field.default) else "unset"
    example = (field.examples or [field.default])[0]
    return "\n".join(
        [
            f"### {' or '.join(f'`{variable}`' for variable in written_as)}",
            "",
            fill(str(field.description), WIDTH, break_on_hyphens=False),
            "",
            f"- Type: {_kind(field.annotation)}{_range(field)}",
            f"- Default: {default}",
            f"- Example: `{written_as[0]}={written(example)}`",
            "",
        ]
    )


def _kind(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(annotation))
    if get_origin(annotation) in (Union, UnionType):
        return _kind(next(kind for kind in get_args(annotation) if kind is not type(None)))
    if hasattr(annotation, "__metadata__"):
        return _kind(get_args(annotation)[0])
    return KINDS[get_origin(annotation) or annotation]


def _range(field: FieldInfo) -> str:
    low = [limit.ge for limit in field.metadata if hasattr(limit, "ge")]
    high = [limit.le for limit in field.metadata if hasattr(limit, "le")]
    return f", {low[0]} to {high[0]}" if low and high else ""
