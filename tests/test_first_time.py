import pytest

from taskward.first_time import SECONDS, FirstTime

pytestmark = pytest.mark.quick


def test_a_text_is_said_once_an_hour_and_of_many_only_the_first() -> None:
    now = 0.0
    first_time = FirstTime(2, clock=lambda: now)
    assert [first_time(text) for text in ("a", "a", "b", "c", "c")] == [True, False, True, False, False]
    now = SECONDS - 1.0
    assert not first_time("c")
    now = SECONDS
    assert [first_time(text) for text in ("c", "a", "b")] == [True, True, False]
