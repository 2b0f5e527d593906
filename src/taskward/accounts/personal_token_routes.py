"""Personal tokens over HTTP. For users of a provider as well; with a personal token nobody gets here."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from taskward.accounts.personal_token_schemas import PersonalTokenCreate, PersonalTokenMade, PersonalTokensRead
from taskward.accounts.personal_tokens import NO_ROOM, PersonalTokenService
from taskward.accounts.requests import NO_STORE, service_of
from taskward.api.bodies import JsonBody, end_of_body
from taskward.api.current_user import Owner, claims_of
from taskward.api.fast import fast
from taskward.api.openapi import responses, responses_of
from taskward.api.query import UNKNOWN_PARAMETER
from taskward.api.responses import JsonResponse
from taskward.api.state import state_of
from taskward.errors import QuotaExceededError, ScopeMissingError, TokenNotFoundError

router = APIRouter(tags=["accounts"])


@router.post(
    "/auth/tokens",
    summary="Make a personal token",
    status_code=201,
    response_model=PersonalTokenMade,
    responses=responses(400, 401, 413, 415, 503) | responses_of(ScopeMissingError(), QuotaExceededError(NO_ROOM)),
)
@fast
async def create_personal_token(
    request: Request, owner: Owner, new: Annotated[PersonalTokenCreate, Depends(JsonBody(PersonalTokenCreate))]
) -> Response:
    """Make a token for a script, which goes where an access token goes. It is shown this once: keep it.

    It cannot make tokens or touch your account.
    """
    log_in = claims_of(request).log_in
    check = None if log_in is None else partial(state_of(request.app).log_ins.check, owner, log_in)
    made = await service_of(request, PersonalTokenService).create_token(
        owner, new.name, new.scopes, new.expires_in_days, check
    )
    return JsonResponse(made, 201, NO_STORE)


@router.get(
    "/auth/tokens",
    summary="List my personal tokens",
    response_model=PersonalTokensRead,
    responses=responses(401, 503) | UNKNOWN_PARAMETER,
)
@fast
async def list_personal_tokens(request: Request, owner: Owner) -> Response:
    """List your personal tokens, the newest first. Those that have expired are listed for 30 days more."""
    tokens = await service_of(request, PersonalTokenService).tokens(owner)
    return JsonResponse({"tokens": tokens}, headers=NO_STORE)


@router.delete(
    "/auth/tokens/{token_id}",
    summary="Revoke a personal token",
    status_code=204,
    responses=responses(401, 413, 503) | responses_of(TokenNotFoundError()) | UNKNOWN_PARAMETER,
)
@fast
async def revoke_personal_token(request: Request, owner: Owner) -> Response:
    """Revoke one of your personal tokens. It is refused everywhere within five seconds."""
    await end_of_body(request)
    await service_of(request, PersonalTokenService).revoke_token(owner, request.path_params["token_id"])
    return Response(status_code=204, headers=NO_STORE)
