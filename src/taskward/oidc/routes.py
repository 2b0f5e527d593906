"""Logging in with the provider over HTTP: where a browser begins, and where the provider sends it back."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from taskward.accounts.requests import NO_STORE, limits_of, service_of
from taskward.api.fast import fast
from taskward.api.openapi import responses
from taskward.api.query import QueryParameters
from taskward.errors import RateLimitedError, ServerBusyError
from taskward.oidc.flow import SECONDS, Flow
from taskward.oidc.service import CALLBACK_PATH, ProviderLogIns

COOKIE = "taskward-log-in"

router = APIRouter(tags=["accounts"])

Sent = Annotated[str | None, Field(description="What the provider says.")]


class Beginning(BaseModel):
    """Who begins a log-in: the page, or a program on the person's machine."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code_challenge: Annotated[
        str,
        StringConstraints(pattern=r"^[A-Za-z0-9_-]{43}$"),
        Field(description="The challenge (S256, RFC 7636) of whoever exchanges the code in the end."),
    ]
    port: Annotated[
        int | None,
        Field(ge=1024, le=65535, description="Where a program on 127.0.0.1 waits for the code (RFC 8252, 7.3)."),
    ] = None
    state: Annotated[
        str | None,
        StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,128}$"),
        Field(description="What the program is to be told with the code."),
    ] = None


class Answer(BaseModel):
    """What the provider answers with (OpenID Connect Core, 3.1.2.5; RFC 9207). What else there is, is ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    code: Sent = None
    state: Sent = None
    error: Sent = None
    iss: Sent = None


@router.get(
    "/auth/oidc/login",
    summary="Log in with the provider",
    status_code=303,
    response_class=Response,
    responses=responses(400, 429)
    | {303: {"description": "Where to go on: at the provider, or back with what went wrong."}},
)
@fast
async def begin_provider_log_in(
    request: Request, beginning: Annotated[Beginning, Depends(QueryParameters(Beginning))]
) -> Response:
    """Begin a log-in with the provider, in a browser. It ends at the page, or at the port of a program.

    Both get a `code`, which `POST /auth/token` takes with `grant_type=authorization_code`, once and for a minute.
    """
    log_ins = service_of(request, ProviderLogIns)
    flow = Flow.new(beginning.code_challenge, beginning.port, beginning.state)
    try:
        await limits_of(request).before_provider(request)
    except (RateLimitedError, ServerBusyError) as busy:
        return RedirectResponse(log_ins.turned_away(flow, busy), 303, NO_STORE)
    address, cookie = await log_ins.begin(flow)
    return _leading_to(address, cookie, log_ins)


@router.get(
    CALLBACK_PATH,
    summary="Come back from the provider",
    status_code=303,
    response_class=Response,
    responses=responses(400, 429)
    | {303: {"description": "Where to go on: with a code, or with what went wrong."}},
)
@fast
async def finish_provider_log_in(
    request: Request, answer: Annotated[Answer, Depends(QueryParameters(Answer))]
) -> Response:
    """Finish a log-in with the provider: it sends browsers here."""
    log_ins = service_of(request, ProviderLogIns)
    flow = log_ins.flow_of(request.cookies.get(_cookie_of(log_ins)), answer.state)
    if flow is None:  # the cookie stays: it may be of another log-in, which anybody could end by a link to here
        return RedirectResponse(await _count_failure(request, log_ins), 303, NO_STORE)
    return _leading_to(await log_ins.finish(flow, answer.code, answer.error, answer.iss), None, log_ins)


async def _count_failure(request: Request, log_ins: ProviderLogIns) -> str:
    """Count that somebody came back with nothing; return where that leads."""
    try:
        await limits_of(request).after_failure(request)
    except RateLimitedError as busy:
        return log_ins.turned_away(None, busy)
    return log_ins.over()


def _leading_to(address: str, cookie: str | None, log_ins: ProviderLogIns) -> Response:
    """Return a redirect that sets the cookie of a log-in, or removes it.

    It comes back from the provider, another site, with the one request that leads here (SameSite=Lax). By https no
    neighbour of the service's name can plant it: `__Host-` (RFC 6265bis, 4.1.3.2).
    """
    response = RedirectResponse(address, 303, NO_STORE)
    response.set_cookie(
        _cookie_of(log_ins), cookie or "", max_age=SECONDS if cookie else 0, path="/",
        secure=log_ins.is_encrypted, httponly=True, samesite="lax",
    )  # fmt: skip
    return response


def _cookie_of(log_ins: ProviderLogIns) -> str:
    return f"__Host-{COOKIE}" if log_ins.is_encrypted else COOKIE
