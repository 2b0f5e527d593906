"""Batches over HTTP: many operations in one request."""

import logging
from collections import Counter
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from taskward.api.bodies import JsonBody
from taskward.api.current_user import TaskOwner
from taskward.api.errors import REFUSALS
from taskward.api.fast import fast
from taskward.api.openapi import responses, responses_of
from taskward.api.responses import JsonResponse
from taskward.api.state import state_of
from taskward.errors import BodyTooLargeError
from taskward.tasks.batch_schemas import MAX_BATCH_BYTES, Batch, BatchBody, BatchResults, Result
from taskward.tasks.service import TaskService

logger = logging.getLogger(__name__)
router = APIRouter()


@router.post(
    "/batch",
    summary="Create, update and delete up to 100 tasks",
    response_model=BatchResults,
    responses=responses(400, 401, 403, 415, 503) | responses_of(BodyTooLargeError(MAX_BATCH_BYTES)),
)
@fast
async def run_batch(
    request: Request,
    owner: TaskOwner,
    batch: Annotated[Batch, Depends(JsonBody(BatchBody, max_bytes=MAX_BATCH_BYTES))],
) -> Response:
    """Do 1 to 100 operations, in their order and in one transaction.

    Where one is not valid, nothing is done: 400, and `errors` names it, as `operations.1.task.title`. What cannot
    be done for its own reason is told in its place, with 403, 404 or 412, and keeps nothing else from being done.
    A whole batch may be sent again: what it has created is there (200), what it has deleted is not found (404).
    """
    done = await state_of(request.app).service(TaskService).run_batch(owner, batch["operations"])
    log_refusals(done["results"])
    return JsonResponse(done)


def log_refusals(results: list[Result]) -> None:
    """Log what would be logged of single requests: somebody may be trying to get in."""
    refused = Counter((each["status"], each["code"]) for each in results if "detail" in each)
    for (status, code), times in refused.items():
        level = logging.WARNING if status in REFUSALS else logging.DEBUG
        logger.log(level, "%d %s: %d of %d operations", status, code, times, len(results))
