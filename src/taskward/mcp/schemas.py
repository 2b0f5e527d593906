"""What agents may write, as JSON Schema: made from what the API takes, and short, as a model pays for each word.

A schema tells which fields there are. What is wrong with a value is told in words, when it is sent.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter

from taskward.mcp.arguments import MOST, FindTasks
from taskward.tasks.schemas import SomeChanges, TaskCreate
from taskward.tasks.values import PRIORITIES

TOLD = ("type", "enum", "maxLength", "items", "default")
NULL = {"type": "null"}
ID: dict[str, Any] = {"type": "integer"}

# What a name alone does not say.
FILTER_HINTS = {
    "due_from": "YYYY-MM-DD",
    "due": "any: has a day; none: has none",
    "tags": "all of these",
    "uid": "name it was added under",
    "q": "words, all of them, in title, description or tags",
    "cursor": "next_cursor of the page before",
}
HINTS = {
    "uid": "your own name for it: adding it again adds nothing",
    "due_date": "YYYY-MM-DD",
    "due_time": "HH:MM, needs due_date",
    "due_zone": "IANA name, needs due_time; without: wherever the user is",
}


def find_schema() -> dict[str, Any]:
    """Return what `find_tasks` takes: the parameters of the list."""
    schema = FindTasks.model_json_schema()
    text = {"type": "string"}
    schema["properties"]["priority"] = {"type": "array", "items": {**text, "enum": list(PRIORITIES)}}
    schema["properties"]["tags"] = {"type": "array", "items": text}
    return _object(_properties(schema, FILTER_HINTS))


def add_schema() -> dict[str, Any]:
    """Return what `add_tasks` takes: new tasks."""
    return _list_of(_object(_properties(TaskCreate.model_json_schema(), HINTS), ["title"]))


def update_schema() -> dict[str, Any]:
    """Return what `update_tasks` takes: what to change of which task, unless it has changed meanwhile."""
    changes = _properties(TypeAdapter(SomeChanges).json_schema(), HINTS, nullable=True)
    return _list_of(_object({"id": ID, "if_revision": ID, **changes}, ["id", "if_revision"]))


def complete_schema() -> dict[str, Any]:
    """Return what `complete_tasks` takes: ids, and whether they are done."""
    ids = {"type": "array", "items": ID, "maxItems": MOST}
    return _object({"ids": ids, "completed": {"type": "boolean", "default": True}}, ["ids"])


def _list_of(task: dict[str, Any]) -> dict[str, Any]:
    return _object({"tasks": {"type": "array", "items": task, "maxItems": MOST}}, ["tasks"])


def _object(properties: dict[str, Any], required: Sequence[str] = ()) -> dict[str, Any]:
    needed = {"required": list(required)} if required else {}
    return {"type": "object", "properties": properties, **needed, "additionalProperties": False}


def _properties(
    schema: Mapping[str, Any], hints: Mapping[str, str], *, nullable: bool = False
) -> dict[str, dict[str, Any]]:
    """Return the properties of a schema with what a model needs of each; `nullable` tells where null clears."""
    told = {}
    for name, each in schema["properties"].items():
        kinds = each.get("anyOf", [each])
        kind = next(kind for kind in kinds if kind != NULL)
        if "$ref" in kind:
            kind = schema["$defs"][kind["$ref"].rpartition("/")[2]]
        told[name] = _short(kind, or_null=nullable and NULL in kinds)
        if name in hints:
            told[name]["description"] = hints[name]
    return told


def _short(schema: Mapping[str, Any], *, or_null: bool = False) -> dict[str, Any]:
    told = {key: schema[key] for key in TOLD if schema.get(key) not in (None, [], False)}
    if "items" in told:
        told["items"] = {key: value for key, value in told["items"].items() if key in ("type", "enum")}
    if or_null:
        told |= {
            name: [*_as_list(told[name]), None if name == "enum" else "null"]
            for name in ("type", "enum")
            if name in told
        }
    return told


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
