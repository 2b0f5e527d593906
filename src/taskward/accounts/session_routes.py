"""The list of one's log-ins over HTTP."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from taskward.accounts.log_ins import LogInService
from taskward.accounts.requests import NO_STORE, service_of
from taskward.accounts.session_schemas import SessionsRead
from taskward.api.bodies import end_of_body
from taskward.api.current_user import Owner, claims_of
from taskward.api.fast import fast
from taskward.api.openapi import responses, responses_of
from taskward.api.query import UNKNOWN_PARAMETER
from taskward.api.responses import JsonResponse
from taskward.auth.log_ins import id_of, log_in_called
from taskward.errors import SessionNotFoundError

router = APIRouter(tags=["accounts"])


@router.get(
    "/auth/sessions",
    summary="List my log-ins",
    response_model=SessionsRead,
    responses=responses(401, 503) | UNKNOWN_PARAMETER,
)
@fast
async def list_sessions(request: Request, owner: Owner) -> Response:
    """List where you are logged in, by program and network, the log-in used last first: 100 at most."""
    current = claims_of(request).log_in
    found = await service_of(request, LogInService).log_ins(owner)
    sessions = [
        {"id": id_of(log_in := row.pop("family_hash")), **row, "current": log_in == current} for row in found
    ]
    return JsonResponse({"sessions": sessions}, headers=NO_STORE)


@router.delete(
    "/auth/sessions/{session_id}",
    summary="End a log-in of mine",
    status_code=204,
    responses=responses(401, 413, 503) | responses_of(SessionNotFoundError()) | UNKNOWN_PARAMETER,
)
@fast
async def end_session(request: Request, owner: Owner) -> Response:
    """End one of your log-ins, and its access tokens everywhere within five seconds. It may be this one."""
    await end_of_body(request)
    await service_of(request, LogInService).end_log_in(owner, log_in_called(request.path_params["session_id"]))
    return Response(status_code=204, headers=NO_STORE)


@router.delete(
    "/auth/sessions",
    summary="End all other log-ins of mine",
    status_code=204,
    responses=responses(401, 413, 503) | UNKNOWN_PARAMETER,
)
@fast
async def end_sessions(request: Request, owner: Owner) -> Response:
    """End all your log-ins but this one, and their access tokens everywhere within five seconds."""
    await end_of_body(request)
    await service_of(request, LogInService).end_log_ins(owner, claims_of(request).log_in)
    return Response(status_code=204, headers=NO_STORE)
