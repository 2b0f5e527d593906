"""The account operations over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from taskward.accounts.log_ins import LogInService
from taskward.accounts.schemas import (
    Deletion,
    PasswordChange,
    PasswordReset,
    Registration,
    Revocation,
    SessionsRead,
    TokenRead,
    TokenRequest,
    UserRead,
)
from taskward.accounts.seen import Seen
from taskward.accounts.service import LINK_IS_OVER, WRONG_PASSWORD, AccountService, Tokens
from taskward.api.bodies import FormBody, JsonBody, end_of_body
from taskward.api.current_user import Owner, claims_of
from taskward.api.fast import fast
from taskward.api.openapi import responses, responses_of
from taskward.api.query import UNKNOWN_PARAMETER
from taskward.api.responses import JsonResponse
from taskward.api.sentences import MISSING
from taskward.api.state import state_of
from taskward.auth.log_ins import id_of, log_in_called
from taskward.auth.refresh import RefreshToken
from taskward.errors import (
    CredentialsInvalidError,
    DatabaseUnavailableError,
    EmailTakenError,
    KeysUnavailableError,
    RegistrationClosedError,
    ServerBusyError,
    SessionNotFoundError,
    TokenExpiredError,
    TokenInvalidError,
    TokenMissingError,
    ValidationFailedError,
)
from taskward.observability.current import at_end, bind_address
from taskward.rate_limits.limits import RateLimits

TOKEN_PATH = "/auth/token"  # noqa: S105
NO_STORE = {"Cache-Control": "no-store"}  # RFC 6749, 5.1

BUSY = responses_of(DatabaseUnavailableError(), ServerBusyError())
PROOF = responses_of(
    TokenMissingError(""),
    TokenExpiredError(""),
    TokenInvalidError(""),
    CredentialsInvalidError(WRONG_PASSWORD),
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
    responses=responses(400, 413, 415, 429) | responses_of(EmailTakenError(), RegistrationClosedError()) | BUSY,
)
@fast
async def register(request: Request, new: Annotated[Registration, Depends(JsonBody(Registration))]) -> Response:
    """Make an account. Log in at `/auth/token` afterwards."""
    _begin(request)
    await _limits(request).before_log_in(new.email, request)
    invitation = new.invitation.get_secret_value() if new.invitation else None
    user = await _service(request).register(new.email, new.password.get_secret_value(), new.name, invitation)
    return JsonResponse(user, 201, NO_STORE)


@router.post(
    TOKEN_PATH,
    summary="Log in, or go on with a refresh token",
    response_model=TokenRead,
    responses=responses(413, 415, 429) | BAD_FORM | responses_of(CredentialsInvalidError()) | BUSY,
)
@fast
async def create_token(
    request: Request, form: Annotated[TokenRequest, Depends(FormBody(TokenRequest))]
) -> Response:
    """Get an access token, and a refresh token for the next one (OAuth 2.0, RFC 6749).

    With `grant_type=password`, `username` is the e-mail address. With `grant_type=refresh_token`, the refresh
    token is used up and the response has another; when it is lost, the same request gives it again for 10 seconds.
    A refresh token that comes back later has been copied: it ends every token that followed it.
    """
    if form.grant_type == "password":
        tokens = await _log_in(request, form)
    else:
        tokens = await _refresh(request, form)
    return JsonResponse(tokens, headers=NO_STORE)


@router.post(
    "/auth/revoke",
    summary="Log out",
    response_class=Response,
    responses={200: {"description": "The token is good no longer, if it ever was."}}
    | responses(413, 415, 429)
    | BAD_FORM
    | responses_of(DatabaseUnavailableError()),
)
@fast
async def revoke_token(request: Request, form: Annotated[Revocation, Depends(FormBody(Revocation))]) -> Response:
    """End a refresh token and all that came before and after it (RFC 7009), access tokens within five seconds."""
    service = _service(request)
    token = service.refresh_tokens.read(form.token.get_secret_value())
    await _before_use(request, token)
    if not await service.revoke(token):
        await _count_failure(request, token)
    return Response(headers=NO_STORE)


@router.post(
    "/auth/password",
    summary="Change the password",
    status_code=204,
    responses=responses(400, 413, 415, 429) | PROOF,
)
@fast
async def change_password(
    request: Request, owner: Owner, change: Annotated[PasswordChange, Depends(JsonBody(PasswordChange))]
) -> Response:
    """Change your password, with the one that you have. Every other log-in ends, this one goes on."""
    await _limits(request).before_log_in(owner, request, device=owner)  # what strangers try is counted elsewhere
    current, new = (secret.get_secret_value() for secret in (change.current, change.new))
    await _service(request).change_password(owner, current, new, claims_of(request).log_in)
    return Response(status_code=204, headers=NO_STORE)


@router.post(
    "/auth/password/reset",
    summary="Reset the password",
    status_code=204,
    responses=responses(400, 413, 415, 429) | responses_of(CredentialsInvalidError(LINK_IS_OVER)) | BUSY,
)
@fast
async def reset_password(
    request: Request, reset: Annotated[PasswordReset, Depends(JsonBody(PasswordReset))]
) -> Response:
    """Give yourself a new password by a link, which is good once and for 30 minutes. Every log-in ends."""
    _begin(request)
    token, password = (secret.get_secret_value() for secret in (reset.token, reset.password))
    try:
        await _service(request).reset_password(token, password)
    except CredentialsInvalidError:
        await _limits(request).after_failure(request)
        raise
    return Response(status_code=204, headers=NO_STORE)


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
    found = await _log_ins(request).log_ins(owner)
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
    await _log_ins(request).end_log_in(owner, log_in_called(request.path_params["session_id"]))
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
    await _log_ins(request).end_log_ins(owner, claims_of(request).log_in)
    return Response(status_code=204, headers=NO_STORE)


@me.get("/auth/me", summary="Who am I", response_model=UserRead, responses=responses(401, 503) | UNKNOWN_PARAMETER)
@fast
async def read_me(request: Request, owner: Owner) -> Response:
    """Read who the token says you are."""
    return JsonResponse(await _service(request).read_user(owner), headers=NO_STORE)


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

    Who has an account here sends its password; users of an identity provider have none, and send nothing.

    An access token of the account can write nothing any more. Users of an identity provider can come back, and
    find nothing.
    """
    password = deletion.password.get_secret_value() if deletion else None
    if password is not None:
        await _limits(request).before_log_in(owner, request, device=owner)
    await _service(request).delete_user(owner, password)
    return Response(status_code=204, headers=NO_STORE)


async def _log_in(request: Request, form: TokenRequest) -> Tokens:
    assert form.username is not None
    assert form.password is not None
    service = _service(request)
    sent = form.device_token.get_secret_value() if form.device_token else None
    device = service.devices.read(sent, form.username)
    _begin(request, device.known_as)
    await _limits(request).before_log_in(form.username, request, device.known_as)
    return await service.log_in(form.username, form.password.get_secret_value(), device, _seen(request))


async def _refresh(request: Request, form: TokenRequest) -> Tokens:
    assert form.refresh_token is not None
    service = _service(request)
    token = service.refresh_tokens.read(form.refresh_token.get_secret_value())
    await _before_use(request, token)
    try:
        return await service.refresh(token, _seen(request))
    except CredentialsInvalidError:
        await _count_failure(request, token)
        raise


async def _before_use(request: Request, token: RefreshToken | None) -> None:
    """Count a token that was made here by itself; raise RateLimitedError. Others are counted when they fail."""
    if token is None or not token.authentic:
        _begin(request)
    else:
        _begin(request, token.family_hash.hex())
        await _limits(request).before_refresh(token.family_hash)


async def _count_failure(request: Request, token: RefreshToken | None) -> None:
    """Count a token that was good for nothing, and may have been made up."""
    if token is None or not token.authentic:
        await _limits(request).after_failure(request)


def _begin(request: Request, own: str | None = None) -> None:
    """Count a request that is there whole: for what only its sender has, a device or a log-in, or its address."""
    limits = _limits(request)
    at_end(limits.begin(own) if own else limits.begin_anonymous(request.scope))


def _seen(request: Request) -> Seen:
    return Seen.by(request.headers.get("user-agent"), _limits(request).address_of(request))


def _limits(request: Request) -> RateLimits:
    return state_of(request.app).rate_limits


def _service(request: Request) -> AccountService:
    bind_address(_limits(request).address_of(request))  # here, so that no line of the audit log lacks it
    return state_of(request.app).service(AccountService)


def _log_ins(request: Request) -> LogInService:
    bind_address(_limits(request).address_of(request))
    return state_of(request.app).service(LogInService)
