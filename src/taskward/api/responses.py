"""Responses: plain values serialised once, straight to bytes."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from taskward.strict_json import encode

LARGE = 64 * 1024  # bytes
JSON = (b"content-type", b"application/json")


class JsonResponse(Response):
    """A response in JSON."""

    media_type = "application/json"

    def __init__(self, content: Any, status_code: int = 200, headers: Mapping[str, str] | None = None) -> None:
        """Take what `strict_json.encode` takes."""
        super().__init__(content, status_code, headers)

    def init_headers(self, headers: Mapping[str, str] | None = None) -> None:
        """Set the given ones, and length and type, which no caller gives."""
        given = [
            (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in (headers or {}).items()
        ]
        self.raw_headers = [*given, (b"content-length", b"%d" % len(self.body)), JSON]

    def render(self, content: Any) -> bytes:
        """Return the bytes of `content`, in no more memory than they take: a slow client may have it held long.

        orjson leaves up to as much again unused behind them.
        """
        body = encode(content)
        return bytes(memoryview(body)) if len(body) > LARGE else body
