"""The `Idempotency-Key` header: the client's name for one intention, the same on every retry."""

import re

from starlette.requests import Request

from taskward.errors import ValidationFailedError

KEY = re.compile(r"[\x20-\x7e]{1,255}\Z")


def idempotency_key(request: Request) -> str | None:
    """Return the key, or None where there is none; raise ValidationFailedError for a malformed one."""
    keys = request.headers.getlist("idempotency-key")
    if not keys:
        return None
    if len(keys) > 1 or not KEY.match(keys[0]):
        raise ValidationFailedError(
            [("idempotency-key", "must be one key of 1 to 255 printable ASCII characters")]
        )
    return keys[0]
