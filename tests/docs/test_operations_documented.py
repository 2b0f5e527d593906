from collections import Counter
from collections.abc import Iterator

import pytest
from pydantic import BaseModel

from taskward.tasks.changes import ChangesQuery
from taskward.tasks.routes import PATH_PREFIXES
from taskward.tasks.schemas import ListQuery
from tests.docs.documents import ROOT, code, rows, section
from tests.docs.generated import in_document
from tests.openapi_snapshot import published

pytestmark = pytest.mark.quick

API = (ROOT / "docs" / "api.md").read_text()


def operations() -> Iterator[tuple[str, frozenset[str]]]:
    """Yield every published operation with its statuses, of the path prefixes only `/tasks`."""
    for path, methods in published()["paths"].items():
        if not path.startswith(("/api/", "/users/")):
            for method, operation in methods.items():
                yield f"{method.upper()} {path}", frozenset(operation["responses"])


def test_every_operation_is_documented_once_with_all_its_statuses() -> None:
    documented = Counter(
        (code(operation)[0], frozenset(f"{success}, {others}".strip(", ").split(", ")))
        for operation, _, success, others in rows(in_document("operations"), "method and path")
    )
    assert documented == Counter(operations())


def test_every_path_prefix_is_documented() -> None:
    line = next(line for line in API.splitlines() if line.startswith("    /tasks"))
    assert sorted(line.split()) == sorted(PATH_PREFIXES)


@pytest.mark.parametrize(("heading", "query"), [("Lists", ListQuery), ("Changes", ChangesQuery)])
def test_every_parameter_is_documented_once(heading: str, query: type[BaseModel]) -> None:
    table = rows(section(API, heading), "parameter")
    assert sorted(code(name)[0] for name, _, _ in table) == sorted(query.model_fields)
