"""Types of path and query parameters, stricter than Python's own reading of text."""

import re
from collections import Counter
from typing import Annotated

from fastapi import Path
from pydantic import BeforeValidator, Field
from starlette.requests import Request

from taskward.errors import ValidationFailedError
from taskward.http.identity import Owner

DIGITS = re.compile(r"[1-9][0-9]*\Z", re.ASCII)
MAX_INT64 = 2**63 - 1
MAX_NAME = 100


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


async def no_repeated_parameters(request: Request, _: Owner) -> None:
    """Raise ValidationFailedError for `?status=all&status=pending`, of which a framework takes the last.

    Depends on the owner, because who asks is found out before what is asked.
    """
    times = Counter(name for name, _ in request.query_params.multi_items())
    repeated = [name for name, count in times.items() if count > 1]
    if repeated:
        raise ValidationFailedError(
            [(name[:MAX_NAME], "This parameter is given more than once") for name in repeated]
        )
