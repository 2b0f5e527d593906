"""Pages of other origins: which of them a browser lets read our responses (CORS, in WHATWG Fetch).

Starlette's middleware answers preflights in plain text, and stands around or inside the layer that names requests
and has the last word on errors; this has to be in it. Nothing here reads a cookie: a token is in a header.
"""

import logging
import re
from collections.abc import Collection

from starlette.types import Scope, Send

from taskward.first_time import FirstTime

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
        b"Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-Request-ID,"
        b" traceparent, tracestate, baggage, sentry-trace,"  # which libraries in pages add by themselves
        b" MCP-Protocol-Version, Mcp-Method, Mcp-Name",  # those of agents
    ),
    (b"access-control-max-age", b"7200"),  # no browser caches it for longer than two hours, Chromium's limit
]
# Without it a browser keeps a response from pages that ask with `credentials: "include"`, as many libraries do.
CREDENTIALS = (b"access-control-allow-credentials", b"true")
LABEL = re.compile(rb"[a-z0-9_-]+\Z")
NOT_SHOWN = re.compile(rb"[^A-Za-z0-9.:/_-]")  # and not in an origin that a browser sends, but for IPv6
MAX_SHOWN = 200
MAX_TOLD = 100  # refused origins in an hour

logger = logging.getLogger(__name__)


class Cors:
    """What responses tell a browser, for the origins that are allowed."""

    def __init__(self, origins: Collection[str]) -> None:
        """Take the origins as browsers write them, also with `*` for the first label of a host, or `*` alone."""
        self._any = "*" in origins
        self._origins = {origin.encode() for origin in origins}
        self._first_time = FirstTime(MAX_TOLD)

    def headers(self, scope: Scope) -> Headers:
        """Return the headers of a response, whatever it is."""
        if not self._origins:
            return []
        if self._any:
            return [(b"access-control-allow-origin", b"*"), (b"access-control-expose-headers", EXPOSED)]
        origin = _header(scope, b"origin")
        if origin is None or not self.allows(origin):
            return VARY
        allowed = [(b"access-control-allow-origin", origin), (b"access-control-expose-headers", EXPOSED), *VARY]
        return [*allowed, CREDENTIALS] if origin in self._origins else allowed  # and never for a wildcard

    def is_preflight(self, scope: Scope) -> bool:
        """Tell whether an allowed origin asks first; others get what any OPTIONS gets."""
        if scope["method"] != "OPTIONS" or _header(scope, b"access-control-request-method") is None:
            return False
        origin = _header(scope, b"origin")
        if origin is None:
            return False
        if self.allows(origin):
            return True
        self._tell_of(origin)
        return False

    def allows(self, origin: bytes) -> bool:
        """Tell whether pages of an origin may ask."""
        if self._any:
            return True
        if origin in self._origins:
            return b"*" not in origin
        scheme, _, host = origin.partition(b"://")
        label, _, parent = host.partition(b".")
        return b"%b://*.%b" % (scheme, parent) in self._origins and LABEL.match(label) is not None

    def _tell_of(self, origin: bytes) -> None:
        """Log an origin that was refused: the page's developer sees no more than that the network failed."""
        shown = NOT_SHOWN.sub(b"?", origin[:MAX_SHOWN]).decode()
        if self._first_time(shown):
            logger.warning("a page of %s was refused. If it is yours, add its origin to ALLOWED_ORIGINS", shown)


async def answer_preflight(send: Send) -> None:
    """Answer what is the same for every route: whether there is one is told when it is asked for."""
    await send({"type": "http.response.start", "status": 204, "headers": list(PREFLIGHT)})
    await send({"type": "http.response.body", "body": b""})


def _header(scope: Scope, wanted: bytes) -> bytes | None:
    return next((value for name, value in scope["headers"] if name == wanted), None)
