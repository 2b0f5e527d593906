"""Tasks as a calendar, at an address that calendars subscribe to."""

import asyncio
from collections.abc import AsyncIterator
from importlib import import_module
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from taskward.api.calendar_token import CalendarOwner
from taskward.api.conditional import ENTITY_TAGS, REVALIDATE, ListTag, is_unchanged, not_modified
from taskward.api.fast import fast
from taskward.api.openapi import request_header, responses, responses_of, with_headers
from taskward.api.query import QueryParameters
from taskward.api.state import state_of
from taskward.errors import CalendarNotFoundError, DatabaseUnavailableError, RateLimitedError
from taskward.tasks.calendar_service import Calendar, CalendarService, ShownAs

MEDIA_TYPE = "text/calendar"
# Raise it with each change of how a task is written. Else calendars keep what they have until their owner writes.
GENERATION = 1
# Else a browser would name the file after the address, which is a secret.
FILE = {"Content-Disposition": 'inline; filename="tasks.ics"'}
ETAG = with_headers(200, ETag="Changes with every write of the owner's.")

router = APIRouter(tags=["calendar"])


class CalendarQuery(BaseModel):
    """How tasks are shown."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    shown_as: Annotated[
        ShownAs,
        Field(alias="as", description="As events, which every calendar shows, or as to-dos, which few do."),
    ] = "event"


@router.get(
    "/calendar/{token}.ics",
    summary="Read my tasks as a calendar",
    response_class=Response,
    responses=responses(400)
    | responses_of(CalendarNotFoundError(), RateLimitedError(1), DatabaseUnavailableError())
    | {304: {"description": "What the client has is still current."}}
    | {200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}, **ETAG[200]}},
    openapi_extra={
        "parameters": [
            request_header(
                "If-None-Match",
                "`ETag` of an earlier response: 304 when nothing changed.",
                format="entity-tags",
                pattern=ENTITY_TAGS,
            )
        ]
    },
)
@fast
async def read_calendar(
    request: Request,
    owner: CalendarOwner,
    query: Annotated[CalendarQuery, Depends(QueryParameters(CalendarQuery))],
) -> Response:
    """Read your open tasks that have a day, as iCalendar (RFC 5545): an address for a calendar to subscribe to.

    The token in it is a personal token of the scope `calendar`, which is good for nothing else. Whatever is wrong
    with it is one and the same 404. It is written as it is read, page by page.
    """
    tag = ListTag(owner, query.model_dump_json().encode(), GENERATION)
    calendar = await state_of(request.app).service(CalendarService).read_calendar(owner, tag.known_to(request))
    current = tag.at(calendar.revision)
    if calendar.unchanged or is_unchanged(request, current):
        return not_modified(current)
    headers = {"ETag": current, **REVALIDATE, **FILE}
    return StreamingResponse(_pieces(calendar, query.shown_as), media_type=MEDIA_TYPE, headers=headers)


async def _pieces(calendar: Calendar, shown_as: ShownAs) -> AsyncIterator[bytes]:
    # The first time this takes a tenth of a second, in which others are answered.
    await asyncio.to_thread(import_module, "taskward.tasks.calendar_text")
    from taskward.tasks import calendar_text

    before = calendar_text.BEGIN
    async for tasks in calendar.pages:
        yield before + calendar_text.written(tasks, shown_as)
        before = b""
    yield calendar_text.END
