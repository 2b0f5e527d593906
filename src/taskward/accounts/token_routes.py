"""Logging in, going on and logging out over HTTP: the token endpoint of OAuth 2.0 (RFC 6749)."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from taskward.accounts.cookies import Kept, RefreshCookies
from taskward.accounts.requests import NO_STORE, begin, limits_of, service_of
from taskward.accounts.seen import Seen
from taskward.accounts.token_schemas import Revocation, TokenRead, TokenRequest
from taskward.accounts.tokens import Tokens, TokenService, refresh_refused
from taskward.api.bodies import FormBody
from taskward.api.fast import fast
from taskward.api.openapi import responses, responses_of
from taskward.api.responses import JsonResponse
from taskward.api.sentences import MISSING
from taskward.auth.refresh import RefreshToken
from taskward.errors import (
    CredentialsInvalidError,
    DatabaseUnavailableError,
    EmailNotVerifiedError,
    OriginRefusedError,
    PasswordsOffError,
    ServerBusyError,
    ValidationFailedError,
)

TOKEN_PATH = "/auth/token"  # noqa: S105

BUSY = responses_of(DatabaseUnavailableError(), ServerBusyError())
BAD_FORM = responses_of(ValidationFailedError([("grant_type", MISSING)]))

router = APIRouter(tags=["accounts"])


@router.post(
    TOKEN_PATH,
    summary="Log in, or go on with a refresh token",
    response_model=TokenRead,
    responses=responses(413, 415, 429)
    | BAD_FORM
    | responses_of(CredentialsInvalidError(), EmailNotVerifiedError(), OriginRefusedError(), PasswordsOffError())
    | BUSY,
)
@fast
async def create_token(
    request: Request, form: Annotated[TokenRequest, Depends(FormBody(TokenRequest))]
) -> Response:
    """Get an access token, and a refresh token for the next one (OAuth 2.0, RFC 6749).

    With `grant_type=password`, `username` is the e-mail address. With `grant_type=refresh_token`, the refresh
    token is used up and the response has another; when it is lost, the same request gives it again for 10 seconds.
    A refresh token that comes back later has been copied: it ends every token that followed it. With
    `grant_type=authorization_code`, `code` is what a log-in with another provider ended with (RFC 7636).
    """
    if form.cookie is not None:
        return await _create_token_by_cookie(request, form)
    if form.grant_type == "password":
        tokens = await _log_in(request, form)
    elif form.grant_type == "authorization_code":
        tokens = await _log_in_by_code(request, form)
    else:
        assert form.refresh_token is not None
        tokens = await _refresh(request, form.refresh_token.get_secret_value())
    return JsonResponse(tokens, headers=NO_STORE)


@router.post(
    "/auth/revoke",
    summary="Log out",
    response_class=Response,
    responses={200: {"description": "The token is good no longer, if it ever was."}}
    | responses(413, 415, 429)
    | BAD_FORM
    | responses_of(OriginRefusedError())
    | responses_of(DatabaseUnavailableError()),
)
@fast
async def revoke_token(request: Request, form: Annotated[Revocation, Depends(FormBody(Revocation))]) -> Response:
    """End a refresh token and all that came before and after it (RFC 7009), access tokens within five seconds."""
    if form.cookie is not None:
        return await _revoke_cookie(request)
    assert form.token is not None
    await _revoke(request, form.token.get_secret_value())
    return Response(headers=NO_STORE)


async def _create_token_by_cookie(request: Request, form: TokenRequest) -> Response:
    """Answer the page: as everybody else, but that a cookie has the refresh token and the response has not."""
    assert form.cookie is not None
    cookies = service_of(request, RefreshCookies)
    cookies.check_origin(request)
    kept = cookies.read(request)
    if form.grant_type == "password":
        tokens, ends_at = await _log_in(request, form), cookies.first_end(form.cookie)
        await _end_replaced(request, kept)
    elif form.grant_type == "authorization_code":
        tokens, ends_at = await _log_in_by_code(request, form), cookies.first_end(form.cookie)
        await _end_replaced(request, kept)
    else:
        tokens, ends_at = await _refresh_kept(request, kept), kept.ends_at if kept else None
    set_cookie = cookies.keeping(request, Kept(tokens.pop("refresh_token"), ends_at))
    return JsonResponse(tokens, headers={**NO_STORE, "Set-Cookie": set_cookie})


async def _revoke_cookie(request: Request) -> Response:
    cookies = service_of(request, RefreshCookies)
    cookies.check_origin(request)
    if kept := cookies.read(request):
        await _revoke(request, kept.text)
    return Response(headers={**NO_STORE, "Set-Cookie": cookies.clearing(request)})


async def _end_replaced(request: Request, kept: Kept | None) -> None:
    """End the log-in whose cookie is about to be overwritten: nobody could go on with it, or log it out."""
    if kept is not None:
        service = service_of(request, TokenService)
        await service.revoke(service.refresh_tokens.read(kept.text))


async def _refresh_kept(request: Request, kept: Kept | None) -> Tokens:
    if kept is None:  # a browser in which nobody is logged in: nothing was guessed, and nothing is counted
        begin(request)
        raise refresh_refused()
    try:
        return await _refresh(request, kept.text)
    except CredentialsInvalidError as error:
        error.headers["Set-Cookie"] = service_of(request, RefreshCookies).clearing(request)
        raise


async def _log_in(request: Request, form: TokenRequest) -> Tokens:
    assert form.username is not None
    assert form.password is not None
    service = service_of(request, TokenService)
    sent = form.device_token.get_secret_value() if form.device_token else None
    device = service.devices.read(sent, form.username)
    begin(request, device.known_as)
    await limits_of(request).before_log_in(form.username, request, device.known_as)
    return await service.log_in(form.username, form.password.get_secret_value(), device, _seen(request))


async def _log_in_by_code(request: Request, form: TokenRequest) -> Tokens:
    assert form.code is not None
    assert form.code_verifier is not None
    begin(request)
    service = service_of(request, TokenService)
    code, verifier = form.code.get_secret_value(), form.code_verifier.get_secret_value()
    try:
        return await service.log_in_by_code(code, verifier, _seen(request))
    except CredentialsInvalidError:
        await limits_of(request).after_failure(request)
        raise


async def _refresh(request: Request, text: str) -> Tokens:
    service = service_of(request, TokenService)
    token = service.refresh_tokens.read(text)
    await _before_use(request, token)
    try:
        return await service.refresh(token, _seen(request))
    except CredentialsInvalidError:
        await _count_failure(request, token)
        raise


async def _revoke(request: Request, text: str) -> None:
    service = service_of(request, TokenService)
    token = service.refresh_tokens.read(text)
    await _before_use(request, token)
    if not await service.revoke(token):
        await _count_failure(request, token)


async def _before_use(request: Request, token: RefreshToken | None) -> None:
    """Count a token that was made here by itself; raise RateLimitedError. Others are counted when they fail."""
    if token is None or not token.authentic:
        begin(request)
    else:
        begin(request, token.family_hash.hex())
        await limits_of(request).before_refresh(token.family_hash)


async def _count_failure(request: Request, token: RefreshToken | None) -> None:
    """Count a token that was good for nothing, and may have been made up."""
    if token is None or not token.authentic:
        await limits_of(request).after_failure(request)


def _seen(request: Request) -> Seen:
    return Seen.by(request.headers.get("user-agent"), limits_of(request).address_of(request))
