import inspect

import pytest

from tests.docs.documents import ROOT
from tests.sync.replica import Replica

pytestmark = pytest.mark.quick


def test_the_document_shows_the_client_that_is_tested() -> None:
    assert f"```python\n{inspect.getsource(Replica)}```" in (ROOT / "docs" / "sync.md").read_text()
