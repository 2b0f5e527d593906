"""Answers: plain values serialised once, straight to bytes."""

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response


class JsonResponse(Response):
    """JSON whose naive datetimes are UTC and end in Z (RFC 3339)."""

    media_type = "application/json"

    def __init__(self, content: Any, status_code: int = 200, headers: Mapping[str, str] | None = None) -> None:
        """Take dicts, lists, text, numbers, booleans, None and datetimes."""
        super().__init__(content, status_code, headers)

    def render(self, content: Any) -> bytes:
        """Return the bytes of `content`."""
        return orjson.dumps(content, option=orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z)
