from collections import Counter

import pytest

from tests.docs.documents import code, rows
from tests.docs.generated import in_document
from tests.docs.generated.errors import kinds

pytestmark = pytest.mark.quick


def test_every_error_is_documented_once_with_its_status_and_its_meaning() -> None:
    table = rows(in_document("errors"), "status")
    documented = Counter((status, code(constant)[0]) for status, constant, _ in table)
    assert documented == Counter((str(kind.status), kind.code) for kind in kinds())
    assert all(meaning for _, _, meaning in table)


def test_no_two_errors_share_a_code() -> None:
    codes = [kind.code for kind in kinds()]
    assert len(codes) == len(set(codes))
