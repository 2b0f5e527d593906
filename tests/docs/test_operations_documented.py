import re
from collections.abc import Iterator

import pytest

from taskward.tasks.routes import PATH_PREFIXES
from tests.docs.documents import README, code, rows, section
from tests.openapi_snapshot import published

pytestmark = pytest.mark.quick


def operations() -> Iterator[tuple[str, str]]:
    """Yield method and path of every published operation, of the path prefixes only `/tasks`."""
    for path, methods in published()["paths"].items():
        if "{user_id}" not in path:
            yield from ((method.upper(), path) for method in methods)


def test_the_readme_has_every_operation() -> None:
    table = rows(section(README, "The API in brief"), "method and path")
    assert sorted(tuple(code(operation)[0].split()) for operation, _, _ in table) == sorted(operations())


def test_the_readme_has_the_successful_status_of_every_operation() -> None:
    paths = published()["paths"]
    for operation, _, answer in rows(section(README, "The API in brief"), "method and path"):
        method, path = code(operation)[0].split()
        statuses = {status for status in paths[path][method.lower()]["responses"] if status < "300"}
        assert set(re.findall(r"\b2\d\d\b", answer)) == statuses, operation


def test_the_readme_has_every_family_of_paths() -> None:
    line = next(line for line in README.splitlines() if line.startswith("    /tasks"))
    assert sorted(line.split()) == sorted(PATH_PREFIXES)
