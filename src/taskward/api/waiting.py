"""A request that is answered once there is something new."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from starlette.requests import ClientDisconnect, Request

from taskward.api.current_user import claims_of, valid_claims
from taskward.api.state import state_of
from taskward.observability.current import StandingBy


class Answer(Protocol):
    """What is read for such a request."""

    @property
    def revision(self) -> int:
        """Where the user is."""


AnswerT = TypeVar("AnswerT", bound=Answer)


async def when_changed(
    request: Request, owner: str, since: int, seconds: float, read: Callable[[], Awaitable[AnswerT]]
) -> AnswerT:
    """Return what `read` returns, once the owner's revision is not `since` or after so many `seconds`.

    Ends sooner, with what was read last, when the service stops or the token expires. A token that is good no
    longer is looked at before anything is read again. No connection to the database is held meanwhile.

    Raises TooManyWaitingError, what `valid_claims` and `read` raise, and ClientDisconnect where the client left.
    """
    if not seconds:
        return await read()
    state = state_of(request.app)
    left = state.verifier.seconds_left(claims_of(request))
    until = asyncio.get_running_loop().time() + min(seconds, left)
    with state.hints.waiters.waiter(owner) as waiter:
        while True:
            answer = await read()
            waiter.revision = answer.revision
            if answer.revision != since:
                return answer
            with StandingBy():
                hinted = await waiter.wait(until, lambda: _gone(request))
            if not hinted:
                return answer
            await valid_claims(request)


async def _gone(request: Request) -> None:
    """Raise ClientDisconnect when the client has gone. A body, if there is one, is read and left alone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    raise ClientDisconnect
