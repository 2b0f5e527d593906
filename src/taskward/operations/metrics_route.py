"""`GET /metrics`, for Prometheus. Tells of no user, so it asks for no token."""

from anyio.to_thread import run_sync
from fastapi import APIRouter
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.requests import Request
from starlette.responses import Response

from taskward.api.fast import fast
from taskward.api.state import state_of

router = APIRouter(tags=["service"])


@router.get(
    "/metrics",
    summary="Metrics of the service",
    response_class=Response,
    responses={
        200: {
            "description": "The text format of Prometheus",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        }
    },
)
@fast
async def metrics(request: Request) -> Response:
    """Return what the workers of this service counted and measured, all of them together."""
    state = state_of(request.app)
    state.metrics.sample(state.database)
    return Response(await run_sync(state.metrics.exposition), media_type=CONTENT_TYPE_PLAIN_0_0_4)
