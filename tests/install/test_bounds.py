"""Code that leans on what a library does not promise: its library has an upper bound, where it was tested."""

import ast
import re

import pytest

from tests.docs.documents import ROOT, SOURCE
from tests.install.locks import PROJECT, wanted
from tests.install.newest import without_bounds

pytestmark = pytest.mark.quick

# What these libraries document for others to import, or export by name. All else may change with any release.
PROMISED = {
    "fastapi": {"fastapi", "fastapi.exceptions", "fastapi.openapi.docs", "fastapi.security", "fastapi.telemetry"},
    "psycopg": {
        "psycopg", "psycopg.conninfo", "psycopg.errors", "psycopg.rows", "psycopg.sql", "psycopg.types.json",
    },
    "starlette": {
        "starlette.applications", "starlette.datastructures", "starlette.exceptions", "starlette.requests",
        "starlette.responses", "starlette.staticfiles", "starlette.types",
    },
    "uvicorn": {"uvicorn"},
}  # fmt: skip
MODULES = {"psycopg": {"pq"}}  # modules that are imported as names of their package
BOUNDED = re.compile(r'^    "(\w+)[^"]*<[^"]*",(.*)$', re.MULTILINE)


def imported(source: str) -> set[str]:
    """The modules that a module imports, each with its whole name."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules = MODULES.get(node.module, set())
            found |= {f"{node.module}.{alias.name}" for alias in node.names if alias.name in modules}
            found |= {node.module for alias in node.names if alias.name not in modules}
    return found


def leaning() -> dict[str, set[str]]:
    """The files that import what is not promised, and of which library."""
    found: dict[str, set[str]] = {}
    for path in SOURCE.rglob("*.py"):
        for module in imported(path.read_text()):
            library = module.split(".")[0]
            if module not in PROMISED.get(library, {module}):
                found.setdefault(path.relative_to(SOURCE).as_posix(), set()).add(library)
    return found


def test_only_the_server_and_the_driver_lean_on_what_is_not_promised() -> None:
    assert {path for path in leaning() if not path.startswith(("server/", "database/driver/"))} == set()


def test_such_a_library_has_an_upper_bound_and_no_other_has_one() -> None:
    leaned_on = set().union(*leaning().values())
    assert leaned_on == set(PROMISED)
    bounded = {
        requirement.name
        for requirement in wanted("requirements-extras.lock")
        if any(bound.operator == "<" for bound in requirement.specifier)
    }
    assert bounded == leaned_on | {"uv_build"}  # whose own documentation asks for one


def test_every_bound_has_its_reason_and_names_files_that_lean_on_the_library() -> None:
    reasons = dict(BOUNDED.findall((ROOT / "pyproject.toml").read_text().split("[project.optional")[0]))
    assert set(reasons) == set(PROMISED)
    for library, reason in reasons.items():
        named = re.findall(r"\w[\w/]*/\w+\.py", reason)
        assert named, f"{library} has no reason"
        assert all(library in leaning().get(name, ()) for name in named), library


def test_the_newest_release_is_looked_for_past_the_bounds() -> None:
    lifted = [without_bounds(requirement) for requirement in wanted("requirements-dev.lock")]
    assert {"psycopg[binary]", "fastapi", "uvicorn"} <= set(lifted)
    assert not re.search("[<>=~]", " ".join(lifted))
    assert len(lifted) > len(PROJECT["project"]["dependencies"])
