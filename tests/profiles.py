"""How long a test goes on that could go on for ever: briefly in `make test`, for long in `make soak`.

Such a test is marked `@pytest.mark.soak`, takes its sizes from `by_profile`, and prints what it did.
"""

import os

SOAK = os.environ.get("TASKWARD_SOAK") == "1"


def by_profile(short: int, long: int) -> int:
    """Return the size for the run at hand."""
    return long if SOAK else short
