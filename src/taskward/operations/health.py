"""Is it up, and may traffic come: for people, for probes, for load balancers."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import psycopg
from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request

import taskward
from taskward.api.fast import fast
from taskward.api.query import UNKNOWN_PARAMETER
from taskward.api.responses import JsonResponse
from taskward.api.state import state_of
from taskward.database.driver.statement import Effect, Statement
from taskward.database.transaction import NOBODY, Database
from taskward.errors import ApiError

router = APIRouter(tags=["service"])

PING = Statement("SELECT 1 AS alive", effect=Effect.READ_ONLY)
REVISION = Statement("SELECT version_num FROM alembic_version", effect=Effect.READ_ONLY)


class Health(BaseModel):
    """How service and database are."""

    status: Literal["healthy", "unhealthy"]
    database: Literal["connected", "unavailable"]
    timestamp: datetime
    version: str


class Liveness(BaseModel):
    """That the process runs."""

    status: Literal["live"]


class Readiness(BaseModel):
    """Whether traffic may come."""

    status: Literal["ready", "not ready"]


def _also_503(model: type[BaseModel], description: str) -> dict[int | str, dict[str, Any]]:
    return {503: {"model": model, "description": description}}


@router.get(
    "/health",
    summary="Health of service and database",
    response_model=Health,
    responses=UNKNOWN_PARAMETER | _also_503(Health, "The database does not answer"),
)
@fast
async def health(request: Request) -> JsonResponse:
    """Tell whether the database answers: 200 `healthy`, 503 `unhealthy`."""
    alive = bool(await _ask(state_of(request.app).database, PING))
    return JsonResponse(
        {
            "status": "healthy" if alive else "unhealthy",
            "database": "connected" if alive else "unavailable",
            "timestamp": datetime.now(UTC),
            "version": taskward.__version__,
        },
        200 if alive else 503,
    )


@router.get("/health/live", summary="The process runs", response_model=Liveness, responses=UNKNOWN_PARAMETER)
@fast
async def live() -> JsonResponse:
    """Answer as long as the process runs. Never asks the database, so that a probe keeps nothing awake."""
    return JsonResponse({"status": "live"})


@router.get(
    "/health/ready",
    summary="The service can take traffic",
    response_model=Readiness,
    responses=UNKNOWN_PARAMETER
    | _also_503(Readiness, "The service stops, or the database does not answer or has another schema"),
)
@fast
async def ready(request: Request) -> JsonResponse:
    """Answer 200 when the database answers and its migrations are the newest, 503 otherwise and while it stops."""
    state = state_of(request.app)
    found = await _ask(state.database, REVISION)
    is_ready = found == [{"version_num": state.schema_revision}] and not state.stopping.is_set()
    return JsonResponse({"status": "ready" if is_ready else "not ready"}, 200 if is_ready else 503)


async def _ask(database: Database, question: Statement) -> Sequence[dict[str, object]]:
    try:
        async with database.acting_as(NOBODY) as transaction:
            rows = transaction.execute(question)
    except (ApiError, psycopg.Error):  # whatever the reason, also a schema that is not there
        return []
    return rows.all
