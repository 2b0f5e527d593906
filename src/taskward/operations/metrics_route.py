"""`GET /metrics` beside the API, for Prometheus: for who has the token, or for everybody where there is none."""

from hmac import compare_digest
from typing import Any

from fastapi import APIRouter
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.requests import Request
from starlette.responses import Response

from taskward.api.fast import fast
from taskward.api.openapi import responses_of
from taskward.api.query import UNKNOWN_PARAMETER
from taskward.api.state import state_of
from taskward.errors import TokenInvalidError, TokenMissingError

MISSING = "There is no Authorization header. Send 'Authorization: Bearer <METRICS_TOKEN>'."
WRONG = "The token is not METRICS_TOKEN."
TEXT = {
    "description": "The text format of Prometheus",
    "content": {"text/plain": {"schema": {"type": "string"}}},
}


def metrics_routes(token: bytes | None) -> APIRouter:
    """Return the route; `token` is what a scrape must show, None where it needs nothing."""
    router = APIRouter(tags=["service"])
    documented: dict[int | str, dict[str, Any]] = {200: TEXT, **UNKNOWN_PARAMETER}
    if token:
        documented |= responses_of(TokenMissingError(MISSING), TokenInvalidError(WRONG))

    @router.get(
        "/metrics",
        summary="Metrics of the service",
        response_class=Response,
        responses=documented,
    )
    @fast
    async def metrics(request: Request) -> Response:
        """Return what the workers of this service counted and measured, all of them together."""
        given = request.headers.get("authorization")
        if token and not is_bearer(given, token):
            raise TokenInvalidError(WRONG) if given else TokenMissingError(MISSING)
        state = state_of(request.app)
        state.metrics.sample(state.database, state.hints.waiters)
        return Response(await state.metrics.exposition.text(), media_type=CONTENT_TYPE_PLAIN_0_0_4)

    return router


def is_bearer(authorization: str | None, token: bytes) -> bool:
    """Tell whether a header has this token (RFC 6750, 2.1), in a time that tells nothing of it."""
    scheme, _, given = (authorization or "").partition(" ")
    return compare_digest(given.strip().encode(errors="replace"), token) and scheme.lower() == "bearer"
