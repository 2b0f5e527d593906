"""The table of operations, written from the published description of the API."""

from collections.abc import Iterator
from itertools import filterfalse
from typing import Any

from tests.docs.generated.tables import table
from tests.openapi_snapshot import published


def text() -> str:
    """Return the table. Of the path prefixes of tasks it names `/tasks` alone."""
    rows = (
        (f"`{method.upper()} {path}`", " ".join(operation["description"].split()), *_statuses(operation))
        for path, method, operation in operations()
    )
    return table(["method and path", "what it does", "success", "other statuses"], rows)


def list_parameters() -> str:
    """Return the table of what `GET /tasks` takes in its query."""
    return _parameters_of("/tasks")


def change_parameters() -> str:
    """Return the table of what `GET /tasks/changes` takes in its query."""
    return _parameters_of("/tasks/changes")


def _parameters_of(path: str) -> str:
    query = [each for each in published()["paths"][path]["get"]["parameters"] if each["in"] == "query"]
    rows = ((f"`{each['name']}`", _values(each["schema"]), each["description"]) for each in query)
    return table(["parameter", "values", "meaning"], rows)


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield path, method and description of every operation, and none of its aliases."""
    openapi = published()
    aliases = {tag["name"] for tag in openapi["tags"] if "description" in tag}
    for path, methods in openapi["paths"].items():
        for method, operation in methods.items():
            if aliases.isdisjoint(operation["tags"]):
                yield path, method, operation


def _values(schema: dict[str, Any]) -> str:
    """Return what a parameter may be."""
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "maximum" in schema:
        return f"{schema['minimum']} to {schema['maximum']}"
    return {"date": "day"}.get(schema.get("format", ""), "text")


def _statuses(operation: dict[str, Any]) -> tuple[str, str]:
    statuses = sorted(operation["responses"])
    return ", ".join(filter(_is_success, statuses)), ", ".join(filterfalse(_is_success, statuses))


def _is_success(status: str) -> bool:
    return status.startswith("2")
