"""Pages of other origins: which of them a browser lets read our responses (CORS, in WHATWG Fetch).

Starlette's middleware answers preflights in plain text, and stands around or inside the layer that names requests
and has the last word on errors; this has to be in it. Cookies are never asked for: a token is in a header.
"""

from collections.abc import Collection

from starlette.types import Scope, Send

Headers = list[tuple[bytes, bytes]]

VARY: Headers = [(b"vary", b"Origin")]  # also on responses without Origin: a cache may hold them for who sends one
EXPOSED = (
    b"ETag, Location, Link, Retry-After, RateLimit, RateLimit-Policy, X-Request-ID, Idempotency-Replayed,"
    b" WWW-Authenticate"
)
PREFLIGHT: Headers = [
    (b"access-control-allow-methods", b"GET, HEAD, POST, PUT, PATCH, DELETE"),
    (
        b"access-control-allow-headers",
        b"Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-Request-ID",
    ),
    (b"access-control-max-age", b"7200"),  # no browser caches it for longer than two hours, Chromium's limit
]


class Cors:
    """What responses tell a browser, for the origins that are allowed."""

    def __init__(self, origins: Collection[str]) -> None:
        """Take the origins as browsers write them, or `*` alone."""
        self._any = "*" in origins
        self._origins = {origin.encode() for origin in origins}

    def headers(self, scope: Scope) -> Headers:
        """Return the headers of a response, whatever it is."""
        if not self._origins:
            return []
        origin = _header(scope, b"origin")
        if self._any:
            return [(b"access-control-allow-origin", b"*"), (b"access-control-expose-headers", EXPOSED)]
        if origin in self._origins:
            return [(b"access-control-allow-origin", origin), (b"access-control-expose-headers", EXPOSED), *VARY]
        return VARY

    def is_preflight(self, scope: Scope) -> bool:
        """Tell whether an allowed origin asks first; others get what any OPTIONS gets."""
        if scope["method"] != "OPTIONS" or _header(scope, b"access-control-request-method") is None:
            return False
        origin = _header(scope, b"origin")
        return origin is not None and (self._any or origin in self._origins)


async def answer_preflight(send: Send) -> None:
    """Answer what is the same for every route: whether there is one is told when it is asked for."""
    await send({"type": "http.response.start", "status": 204, "headers": list(PREFLIGHT)})
    await send({"type": "http.response.body", "body": b""})


def _header(scope: Scope, wanted: bytes) -> bytes | None:
    return next((value for name, value in scope["headers"] if name == wanted), None)
