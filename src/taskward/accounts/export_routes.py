"""Everything that is kept about a person, over HTTP."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from taskward.accounts.export_schemas import PersonalDataRead
from taskward.accounts.requests import NO_STORE, service_of
from taskward.accounts.service import AccountService
from taskward.api.current_user import Owner
from taskward.api.fast import fast
from taskward.api.openapi import responses
from taskward.api.personal_data import PersonalData
from taskward.api.query import UNKNOWN_PARAMETER

HEADERS = {**NO_STORE, "Content-Disposition": 'attachment; filename="taskward.json"'}

router = APIRouter(tags=["accounts"])


@router.get(
    "/auth/me/export",
    summary="Export everything about me",
    response_model=PersonalDataRead,
    responses=responses(401, 503) | UNKNOWN_PARAMETER,
)
@fast
async def export_me(request: Request, owner: Owner) -> Response:
    """Read everything that is kept about you, as one JSON document.

    That is your account, your log-ins, your tasks, what is left of deleted ones for 30 days, and the
    `Idempotency-Key`s of the last day with what they created. Of passwords and tokens only hashes are kept, which
    are not in it. It is written as it is read, page by page: a document that does not end in `}` is not whole.
    """
    user = await service_of(request, AccountService).read_user(owner)
    pieces = service_of(request, PersonalData).pieces(owner, {"account": user})
    return StreamingResponse(pieces, media_type="application/json", headers=HEADERS)
