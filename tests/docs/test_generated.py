import pytest

from tests.docs.generated import PARTS, from_code, in_document

pytestmark = pytest.mark.quick


@pytest.mark.parametrize("part", PARTS)
def test_what_comes_from_the_code_is_what_make_documents_writes(part: str) -> None:
    assert in_document(part) == from_code(part)
