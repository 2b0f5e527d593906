"""How a log-in can fail: each word has a sentence on the page, and is in the document."""

import re

import pytest

from taskward.oidc.errors import Problem
from tests.docs.documents import ROOT

pytestmark = pytest.mark.quick

WORDS = {problem.word for problem in Problem}


def test_the_page_has_a_sentence_for_each() -> None:
    script = (ROOT / "src/taskward/web/files/provider.js").read_text()
    (table,) = re.findall(r"PROBLEMS = \{(.*?)\};", script, re.DOTALL)
    assert set(re.findall(r"^  (\w+): t\(\"", table, re.MULTILINE)) == WORDS


def test_the_document_has_each() -> None:
    document = (ROOT / "docs/authentication.md").read_text()
    (told,) = re.findall(r"`#log-in-error=…`\s+with(.*?)\. `POST", document, re.DOTALL)
    assert set(re.findall(r"`(\w+)`", told)) == WORDS
