"""What the routes of accounts have in common."""

from starlette.requests import Request

from taskward.api.state import Service, state_of
from taskward.observability.current import at_end, bind_address
from taskward.rate_limits.limits import RateLimits

NO_STORE = {"Cache-Control": "no-store"}  # RFC 6749, 5.1


def begin(request: Request, own: str | None = None) -> None:
    """Count a request that is there whole: for what only its sender has, a device or a log-in, or its address."""
    limits = limits_of(request)
    at_end(limits.begin(own) if own else limits.begin_anonymous(request.scope))


def limits_of(request: Request) -> RateLimits:
    """Return the rate limits."""
    return state_of(request.app).rate_limits


def service_of(request: Request, kind: type[Service]) -> Service:
    """Return the service of this class, for a request whose address each line of the audit log will have."""
    bind_address(limits_of(request).address_of(request))
    return state_of(request.app).service(kind)
