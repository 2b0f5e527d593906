import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskward.terminal_text import JOINERS, escaped, harmless

pytestmark = pytest.mark.quick

ANYTHING = st.text(st.characters(categories=None))
UNSAFE = st.text(st.characters(categories=["Cc", "Cf", "Cs", "Zl", "Zp"], exclude_characters=JOINERS), min_size=1)


PERSIAN = "\u0646\u0627\u0645\u0647\u200c\u0647\u0627"  # as it is written, with a joiner


@pytest.mark.parametrize("text", ["", "Buy milk", "caf\u00e9 \\n ~\u00a0", "\U0001f469\u200d\U0001f4bb", PERSIAN])
def test_what_people_write_stays_as_it_is(text: str) -> None:
    assert harmless(text) == text


@given(unsafe=UNSAFE)
def test_what_is_not_only_shown_is_written_as_python_writes_it(unsafe: str) -> None:
    assert harmless(f"a{unsafe}b") == f"a{unsafe.encode('unicode_escape').decode()}b"


@given(text=ANYTHING)
def test_one_line_of_text_that_can_be_written_remains(text: str) -> None:
    shown = harmless(text)
    assert len(shown.splitlines()) <= 1
    assert not any(unicodedata.category(each) in ("Cc", "Cf", "Cs") for each in shown if each not in JOINERS)
    assert shown.encode().decode() == shown


@given(character=st.characters(categories=None))
def test_an_escape_is_ascii_and_means_the_character(character: str) -> None:
    assert escaped(character).isascii()
    assert escaped(character).encode().decode("unicode_escape") == character
