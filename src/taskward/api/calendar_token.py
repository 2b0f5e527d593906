"""Who is asking for a calendar: the token is in the address, as calendars send no header."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from taskward.api.current_user import claims_of_token, count_for
from taskward.api.state import state_of
from taskward.auth.personal_tokens import CALENDAR, check_form
from taskward.errors import AuthenticationError, CalendarNotFoundError, TokenExpiredError, TokenInvalidError


class CalendarToken:
    """The dependency that turns the token in a calendar's address into a user id.

    An address is copied, kept and logged where no header is. So it takes a token that is good for nothing else.
    """

    async def __call__(self, request: Request) -> str:
        """Return the id of the token's user.

        Raises CalendarNotFoundError for whatever is no token of a calendar, or was one: after a 401 some calendars
        ask people for a password. Raises RateLimitedError, and DatabaseUnavailableError where nobody knows.
        """
        try:
            claims = await claims_of_token(request, _token_in_path)
            if claims.scopes != frozenset({CALENDAR}):
                raise TokenInvalidError("The token is not for a calendar.")
        except TokenExpiredError:
            raise CalendarNotFoundError from None  # it was one: nobody is guessing
        except AuthenticationError:
            await state_of(request.app).rate_limits.after_failure(request)
            raise CalendarNotFoundError from None
        await count_for(request, claims.user_id)
        return claims.user_id


CalendarOwner = Annotated[str, Depends(CalendarToken())]


def _token_in_path(request: Request) -> str:
    """Return the token; raise TokenInvalidError for what is no personal one, before anybody looks at it."""
    token: str = request.path_params["token"]
    check_form(token)
    return token
