"""Who gets in: pages of known origins, and tokens that are good here; and where to get one (RFC 9728)."""

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request

from taskward.api.current_user import BearerToken, claims_of
from taskward.auth.claims import AGENTS
from taskward.auth.personal_tokens import TASKS_READ, TASKS_WRITE
from taskward.errors import AuthenticationError, OriginRefusedError, ScopeMissingError
from taskward.loopback import is_loopback

METADATA_PATH = "/.well-known/oauth-protected-resource/mcp"
BOTH = f"{TASKS_READ} {TASKS_WRITE}"
NO_AGENT = "Pages of this web site may not be agents here. Its origin must be in ALLOWED_ORIGINS."


class AgentToken(BearerToken):
    """The token of an agent. It may be one for `/mcp` alone, and a refusal says where to get one."""

    place = AGENTS

    def __init__(self, metadata_url: str | None, own_origin: str | None, allows: Callable[[bytes], bool]) -> None:
        """Take where the metadata is, if it is, the origin of this service, and what knows the other origins."""
        super().__init__(TASKS_READ)
        self._metadata = f', resource_metadata="{metadata_url}"' if metadata_url else ""
        self._own_origin = own_origin
        self._allows = allows

    async def __call__(self, request: Request) -> str:  # type: ignore[override]  # as its base
        """Return the id of the token's user; raise as `BearerToken` does, and OriginRefusedError."""
        self._check_origin(request)
        try:
            return await super().__call__(request)
        except AuthenticationError as error:
            error.headers["WWW-Authenticate"] = self._challenge(error.challenge, BOTH)
            raise
        except ScopeMissingError as error:
            raise self._insufficient(error, BOTH) from None

    def check_scope(self, request: Request, scope: str) -> None:
        """Raise ScopeMissingError unless the token of a request is good for this scope."""
        if not claims_of(request).allow(scope):
            raise self._insufficient(ScopeMissingError(), scope)

    def _insufficient(self, error: ScopeMissingError, scope: str) -> ScopeMissingError:
        error.headers["WWW-Authenticate"] = self._challenge('Bearer error="insufficient_scope"', scope)
        return error

    def _challenge(self, challenge: str, scope: str) -> str:
        """Return a challenge with the scopes that the request needs (RFC 6750, 3), and where to get them."""
        return f'{challenge}{"," if "=" in challenge else ""} scope="{scope}"{self._metadata}'

    def _check_origin(self, request: Request) -> None:
        """Raise OriginRefusedError for a page that may be anybody's.

        What it calls itself in `Host` says nothing: a name of a stranger's may lead here (DNS rebinding).
        """
        origins = request.headers.getlist("origin")
        if origins and not (len(origins) == 1 and self._is_known(origins[0], request)):
            raise OriginRefusedError(NO_AGENT)

    def _is_known(self, origin: str, request: Request) -> bool:
        known = origin == self._own_origin or self._allows(origin.encode("latin-1"))
        return known or _is_this_machine(origin, request.scope.get("server"))


def origin_of(url: str) -> str:
    """Return the origin of an address of the web (RFC 6454, 4)."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def _is_this_machine(origin: str, server: Sequence[Any] | None) -> bool:
    """Tell whether an origin is this service, as somebody on the same machine has it in the address bar."""
    try:
        parts = urlsplit(origin)
        port = parts.port or 80
    except ValueError:
        return False
    own_port = server[1] or 80 if server else None
    return parts.scheme == "http" and port == own_port and is_loopback(parts.hostname or "")
