"""The account operations over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from taskward.accounts.requests import NO_STORE, begin, limits_of, service_of
from taskward.accounts.schemas import (
    Deletion,
    PasswordChange,
    PasswordReset,
    Registration,
    UserRead,
)
from taskward.accounts.service import LINK_IS_OVER, WRONG_PASSWORD, AccountService
from taskward.api.bodies import JsonBody
from taskward.api.current_user import Owner, claims_of
from taskward.api.fast import fast
from taskward.api.openapi import responses, responses_of
from taskward.api.query import UNKNOWN_PARAMETER
from taskward.api.responses import JsonResponse
from taskward.api.sentences import MISSING
from taskward.errors import (
    CredentialsInvalidError,
    DatabaseUnavailableError,
    EmailTakenError,
    KeysUnavailableError,
    PasswordsOffError,
    RegistrationClosedError,
    ScopeMissingError,
    ServerBusyError,
    TokenExpiredError,
    TokenInvalidError,
    TokenMissingError,
    ValidationFailedError,
)

BUSY = responses_of(DatabaseUnavailableError(), ServerBusyError())
PROOF = responses_of(
    TokenMissingError(""),
    TokenExpiredError(""),
    TokenInvalidError(""),
    CredentialsInvalidError(WRONG_PASSWORD),
    ScopeMissingError(),
    DatabaseUnavailableError(),
    KeysUnavailableError(),
    ServerBusyError(),
)
BAD_FORM = responses_of(ValidationFailedError([("grant_type", MISSING)]))

# Only where there are accounts of our own. Who a token names can be asked anywhere.
router = APIRouter(tags=["accounts"])
me = APIRouter(tags=["accounts"])


@router.post(
    "/auth/register",
    summary="Register",
    status_code=201,
    response_model=UserRead,
    responses=responses(400, 413, 415, 429)
    | responses_of(EmailTakenError(), RegistrationClosedError(), PasswordsOffError())
    | BUSY,
)
@fast
async def register(request: Request, new: Annotated[Registration, Depends(JsonBody(Registration))]) -> Response:
    """Make an account. Log in at `/auth/token` afterwards."""
    begin(request)
    await limits_of(request).before_log_in(new.email, request)
    invitation = new.invitation.get_secret_value() if new.invitation else None
    user = await service_of(request, AccountService).register(
        new.email, new.password.get_secret_value(), new.name, invitation
    )
    return JsonResponse(user, 201, NO_STORE)


@router.post(
    "/auth/password",
    summary="Change the password",
    status_code=204,
    responses=responses(400, 413, 415, 429) | PROOF | responses_of(PasswordsOffError(), ScopeMissingError()),
)
@fast
async def change_password(
    request: Request, owner: Owner, change: Annotated[PasswordChange, Depends(JsonBody(PasswordChange))]
) -> Response:
    """Change your password, with the one that you have. Every other log-in ends, this one goes on."""
    await limits_of(request).before_log_in(owner, request, device=owner)  # what strangers try is counted elsewhere
    current, new = (secret.get_secret_value() for secret in (change.current, change.new))
    await service_of(request, AccountService).change_password(owner, current, new, claims_of(request).log_in)
    return Response(status_code=204, headers=NO_STORE)


@router.post(
    "/auth/password/reset",
    summary="Reset the password",
    status_code=204,
    responses=responses(400, 413, 415, 429)
    | responses_of(CredentialsInvalidError(LINK_IS_OVER), PasswordsOffError())
    | BUSY,
)
@fast
async def reset_password(
    request: Request, reset: Annotated[PasswordReset, Depends(JsonBody(PasswordReset))]
) -> Response:
    """Give yourself a new password by a link, which is good once and for 30 minutes. Every log-in ends."""
    begin(request)
    token, password = (secret.get_secret_value() for secret in (reset.token, reset.password))
    try:
        await service_of(request, AccountService).reset_password(token, password)
    except CredentialsInvalidError:
        await limits_of(request).after_failure(request)
        raise
    return Response(status_code=204, headers=NO_STORE)


@me.get("/auth/me", summary="Who am I", response_model=UserRead, responses=responses(401, 503) | UNKNOWN_PARAMETER)
@fast
async def read_me(request: Request, owner: Owner) -> Response:
    """Read who the token says you are."""
    return JsonResponse(await service_of(request, AccountService).read_user(owner), headers=NO_STORE)


@me.delete(
    "/auth/me",
    summary="Delete me",
    status_code=204,
    responses=responses(400, 413, 415, 429) | PROOF,
)
@fast
async def delete_me(
    request: Request,
    owner: Owner,
    deletion: Annotated[Deletion | None, Depends(JsonBody(Deletion, optional=True))],
) -> Response:
    """Delete you for good: your tasks, your account if you have one here, and its refresh tokens.

    Who has a password here sends it; who logs in with a provider has none, and sends nothing.

    An access token of the account can write nothing any more. Users of an identity provider can come back, and
    find nothing.
    """
    password = deletion.password.get_secret_value() if deletion else None
    if password is not None:
        await limits_of(request).before_log_in(owner, request, device=owner)
    await service_of(request, AccountService).delete_user(owner, password)
    return Response(status_code=204, headers=NO_STORE)
