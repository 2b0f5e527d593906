"""How long a test goes on that could go on for ever: briefly in `make test`, for long in `make soak`.

Such a test is marked `@pytest.mark.soak`, takes its sizes from `by_profile`, and prints what it did.
"""

import os
import time
from collections.abc import Iterator

SOAK = os.environ.get("TASKWARD_SOAK") == "1"


def by_profile(short: int, long: int) -> int:
    """Return the size for the run at hand."""
    return long if SOAK else short


def turns(seconds: float) -> Iterator[None]:
    """Let a loop go on for so long, and at least twice: of one time no percentile can be told.

    On a busy machine a single request can take longer than all of a short round.
    """
    end = time.monotonic() + seconds
    yield
    yield
    while time.monotonic() < end:
        yield
