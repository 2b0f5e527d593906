from collections.abc import Iterator

import pytest

from taskward.errors import ApiError
from tests.docs.documents import README, code, rows, section

pytestmark = pytest.mark.quick


def answers(kind: type[ApiError] = ApiError) -> Iterator[tuple[str, str]]:
    """Yield status and code of every error that has a code of its own."""
    if "code" in vars(kind):
        yield str(kind.status), kind.code
    for narrower in kind.__subclasses__():
        yield from answers(narrower)


def test_the_readme_has_every_error_with_its_status() -> None:
    table = rows(section(README, "Errors"), "status")
    assert sorted((status, code(constant)[0]) for status, constant, _ in table) == sorted(answers())
    assert all(meaning for _, _, meaning in table)


def test_no_two_errors_share_a_code() -> None:
    codes = [constant for _, constant in answers()]
    assert len(codes) == len(set(codes))
