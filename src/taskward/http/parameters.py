"""Types of path and query parameters, stricter than Python's own reading of text."""

import re
from typing import Annotated

from fastapi import Path
from pydantic import BeforeValidator, Field

DIGITS = re.compile(r"[1-9][0-9]*\Z", re.ASCII)
MAX_INT64 = 2**63 - 1


def _digits_only(value: object) -> object:
    """Refuse the other spellings that `int()` takes: `+1`, ` 1`, `01`, `1_0`, `1.0`."""
    if isinstance(value, str) and not DIGITS.match(value):
        raise ValueError("Input should be a positive whole number, in digits")
    return value


InDigits = BeforeValidator(_digits_only)
TaskId = Annotated[
    int,
    Field(ge=1, le=MAX_INT64),
    InDigits,
    Path(description="Given by the server when the task was created.", examples=[1]),
]
