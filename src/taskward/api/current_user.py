"""Who is asking: the first thing every route of a user's data finds out."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends
from fastapi.security import HTTPBearer
from starlette.requests import Request

from taskward.api.state import state_of
from taskward.auth.claims import AGENTS, API, Claims
from taskward.auth.personal_tokens import TASKS_READ, TASKS_WRITE
from taskward.errors import (
    AuthenticationError,
    ForbiddenError,
    KeysUnavailableError,
    ScopeMissingError,
    TokenExpiredError,
    TokenInvalidError,
    TokenMissingError,
)
from taskward.observability.current import add_response_headers, at_end, bind_only_reads, bind_user

CLAIMS = "taskward.claims"
NOT_GOOD = {
    API: "The token's audience ('aud') is /mcp, and it is good there alone.",
    AGENTS: "The token's audience ('aud') is neither /mcp nor in JWT_AUDIENCE. Ask for one with this resource.",
}


class BearerToken(HTTPBearer):
    """The dependency that turns `Authorization: Bearer …` (RFC 6750) into a user id."""

    place = API  # where a token must be good

    def __init__(self, scope: str | None = None) -> None:
        """Take the scope that a personal token needs. Without one no personal token will do."""
        self._scope = scope
        description = "An access token, as `sub` says whose, or a personal token."
        super().__init__(bearerFormat="JWT", scheme_name="BearerToken", description=description)

    async def __call__(self, request: Request) -> str:  # type: ignore[override]  # a user, not the header
        """Return the id of the token's user.

        Raises TokenMissingError, TokenExpiredError, TokenInvalidError, KeysUnavailableError, RateLimitedError,
        DatabaseUnavailableError where nobody knows whether a log-in or a personal token goes on,
        ScopeMissingError, and ForbiddenError where the path names a user, unless it is this one. The rules live
        here, so that no route can take a user and forget them.
        """
        limits = state_of(request.app).rate_limits
        try:
            claims = await valid_claims(request, self.place)
        except TokenExpiredError:
            raise  # its signature is good, so nobody is guessing: front ends send a few before they get a new one
        except AuthenticationError:
            await limits.after_failure(request)
            raise
        user_id = claims.user_id
        await count_for(request, user_id)
        if not claims.allow(self._scope):
            raise ScopeMissingError
        if request.path_params.get("user_id", user_id) != user_id:
            raise ForbiddenError
        return user_id


def claims_of(request: Request) -> Claims:
    """Return what the token said by which the user was found out."""
    claims: Claims = request.scope[CLAIMS]
    return claims


Owner = Annotated[str, Depends(BearerToken())]
TaskOwner = Annotated[str, Depends(BearerToken(TASKS_READ))]  # who may write is PostgreSQL's to know


async def count_for(request: Request, user_id: str) -> None:
    """Count a request for its user, until it has ended; raise RateLimitedError where that is one too many."""
    limits = state_of(request.app).rate_limits
    bind_user(user_id)
    at_end(limits.begin(user_id))
    add_response_headers(await limits.after_verification(user_id))


async def valid_claims(request: Request, place: str = API) -> Claims:
    """Return what the bearer token of a request says, as `claims_of_token`."""
    return await claims_of_token(request, _bearer_token, place)


async def claims_of_token(request: Request, token_of: Callable[[Request], str], place: str = API) -> Claims:
    """Return what the token of a request says, if it is good now, and in this place; else raise as `BearerToken`.

    From here on nothing can be written for a request whose token only reads: its transactions are read-only.
    """
    state = state_of(request.app)
    verifier, metrics = state.verifier, state.metrics
    try:
        token = token_of(request)
        claims = verifier.cached(token)
        if claims is not None and claims.log_in is not None and state.log_ins.outdated():
            await state.log_ins.look()
            claims = verifier.cached(token)
        result = "cached"
        if claims is None:
            state.rate_limits.look_at_address(request)
            claims, result = await verifier.verify(token), "verified"
        if place not in claims.places:
            raise TokenInvalidError(NOT_GOOD[place])
        metrics.token(result)
    except (AuthenticationError, KeysUnavailableError) as error:
        metrics.token(error.code)
        raise
    request.scope[CLAIMS] = claims
    if not claims.allow(TASKS_WRITE):
        bind_only_reads()
    return claims


def _bearer_token(request: Request) -> str:
    values = request.headers.getlist("authorization")
    if not values:
        raise TokenMissingError("There is no Authorization header. Send 'Authorization: Bearer <token>'.")
    if len(values) > 1:
        raise TokenInvalidError("There is more than one Authorization header.")
    scheme, _, token = values[0].partition(" ")
    token = token.strip(" ")
    if scheme.lower() != "bearer" or not token:
        raise TokenMissingError("The Authorization header is not of the form 'Bearer <token>'.")
    return token
