"""The task operations over HTTP: one set of handlers behind four path prefixes."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends
from orjson import Fragment
from pydantic import BaseModel, Field, TypeAdapter
from starlette.requests import Request
from starlette.responses import Response

from taskward.api.bodies import JsonBody, end_of_body
from taskward.api.conditional import (
    ENTITY_TAGS,
    REVALIDATE,
    ListTag,
    expected_revisions,
    is_unchanged,
    not_modified,
    tag_of,
)
from taskward.api.current_user import TaskOwner
from taskward.api.fast import fast
from taskward.api.idempotency import idempotency_key
from taskward.api.openapi import ErrorBody, request_header, responses, responses_of, with_headers
from taskward.api.parameters import TaskId
from taskward.api.query import QueryParameters
from taskward.api.responses import JsonResponse
from taskward.api.state import state_of
from taskward.api.waiting import when_changed
from taskward.errors import (
    ChangesGoneError,
    ForbiddenError,
    PreconditionFailedError,
    QuotaExceededError,
    RateLimitedError,
    ScopeMissingError,
    TooManyWaitingError,
)
from taskward.hints.waiters import OF_USER
from taskward.tasks import batch_routes
from taskward.tasks.changes import ChangesPage, ChangesQuery
from taskward.tasks.changes_service import ChangesService
from taskward.tasks.fields import GENERATION, TaskRead, Values
from taskward.tasks.schemas import Completion, ListQuery, SomeChanges, TaskCreate, TaskList
from taskward.tasks.service import TaskService

TAG = "tasks"
# `/api/tasks/tasks` is the list of a user called "tasks", who was there first, as no task has such a number.
PATH_PREFIXES = ("/tasks", "/api/{user_id}/tasks", "/users/{user_id}/tasks", "/api/tasks")

Responses = dict[int | str, dict[str, Any]]


class StaleTask(ErrorBody):
    """The task has moved on since the client saw it."""

    current: Annotated[TaskRead, Field(description="The task as it is now.")]


TASK_TAG = "Changes with the task: send it back as `If-Match` to write only what you have seen."
UNCHANGED: Responses = {304: {"description": "What the client has is still current."}}
EXAMPLE = {name: field["examples"][0] for name, field in TypeAdapter(TaskRead).json_schema()["properties"].items()}
STALE = responses_of(PreconditionFailedError(EXAMPLE), base=StaleTask)
THERE = {
    "model": TaskRead,
    "description": "The task that has this `uid`: it was there.",
    **with_headers(200, Location="The path of the task.", ETag=TASK_TAG)[200],
}
IF_NONE_MATCH = request_header(
    "If-None-Match",
    f'`ETag` of an earlier response, such as `"7.{GENERATION}"`: 304 when nothing changed.',
    format="entity-tags",
    pattern=ENTITY_TAGS,
)
IF_MATCH = request_header(
    "If-Match",
    f'`ETag` of the task, such as `"7.{GENERATION}"`, or its `revision` in quotes: 412 when it has changed since.',
    format="entity-tags",
    pattern=ENTITY_TAGS,
)
IDEMPOTENCY_KEY = request_header(
    "Idempotency-Key",
    "1–255 printable ASCII characters of your choice, such as a new UUID. A repeat within 24 hours creates nothing"
    " and is answered as the first was, with `Idempotency-Replayed: true`.",
    minLength=1,
    maxLength=255,
    pattern="^[ -~]*$",
)
READS = responses(400, 401, 403, 404, 503) | UNCHANGED | with_headers(200, ETag=TASK_TAG)
WRITES = responses(400, 401, 403, 404, 413, 415, 503) | STALE | with_headers(200, ETag=TASK_TAG)

# What routes have in common that are one operation under two names.
UPDATE: dict[str, Any] = {
    "summary": "Update a task",
    "response_model": TaskRead,
    "responses": WRITES,
    "openapi_extra": {"parameters": [IF_MATCH]},
}
COMPLETE = UPDATE | {"summary": "Complete a task, or reopen it"}

router = APIRouter(tags=[TAG])


@router.get(
    "",
    summary="List tasks",
    response_model=TaskList,
    responses=responses(400, 401, 403, 503)
    | UNCHANGED
    | with_headers(200, ETag="Changes with every write of the owner's.", Link="The next page (RFC 8288)."),
    openapi_extra={"parameters": [IF_NONE_MATCH]},
)
@fast
async def list_tasks(
    request: Request, owner: TaskOwner, query: Annotated[ListQuery, Depends(QueryParameters(ListQuery))]
) -> Response:
    """List your tasks, page by page.

    Pages stay stable while tasks come and go: a page begins where the one before ended. Follow `next_cursor`,
    or the `Link` header (RFC 8288), until there is none: a page has at most 1 MiB of tasks, so it may have fewer
    than `limit`.
    """
    service = _service(request)
    # A client whose page is unchanged goes on with its cursor. So that must be good still.
    tag = ListTag([owner, service.cursors.key_id], query.said, GENERATION)
    page = await service.list_tasks(owner, query, known=tag.known_to(request))
    if page.unchanged or is_unchanged(request, tag.at(page.revision)):
        return not_modified(tag.at(page.revision))
    headers = {"ETag": tag.at(page.revision), **REVALIDATE}
    if page.next_cursor:
        parameters = query.model_dump(exclude_unset=True) | {"cursor": page.next_cursor}
        headers["Link"] = f'<{_path(request)}?{urlencode(parameters)}>; rel="next"'
    return JsonResponse(
        {
            "tasks": _array(page.tasks),
            "count": page.count,
            "revision": page.revision,
            "next_cursor": page.next_cursor,
        },
        headers=headers,
    )


@router.post(
    "",
    summary="Create a task",
    status_code=201,
    response_model=TaskRead,
    responses=responses(400, 401, 409, 413, 415, 422, 503)
    | responses_of(ForbiddenError(), ScopeMissingError(), QuotaExceededError())
    | with_headers(
        201,
        Location="The path of the task.",
        ETag=TASK_TAG,
        Idempotency_Replayed="`true` when the response is that of an earlier request.",
    )
    | {200: THERE},
    openapi_extra={"parameters": [IDEMPOTENCY_KEY]},
)
@fast
async def create_task(
    request: Request, owner: TaskOwner, new: Annotated[BaseModel, Depends(JsonBody(TaskCreate))]
) -> Response:
    """Create a task, or return the one that is there under this `uid`. `Location` says where it is."""
    created = await _service(request).create_task(owner, vars(new), idempotency_key(request) or None)
    headers = {"Location": f"{_path(request)}/{created.task['id']}"}
    if created.replayed:
        headers["Idempotency-Replayed"] = "true"
    return _tagged(created.task, 201 if created.is_new or created.replayed else 200, headers)


# Before the one task, as the first of two routes that match answers.
@router.get(
    "/changes",
    summary="Read what has changed",
    response_model=ChangesPage,
    responses=responses(400, 401, 403, 503)
    | responses_of(ChangesGoneError(), RateLimitedError(1), TooManyWaitingError(OF_USER)),
)
@fast
async def read_changes(
    request: Request, owner: TaskOwner, query: Annotated[ChangesQuery, Depends(QueryParameters(ChangesQuery))]
) -> Response:
    """Read which of your tasks were written or deleted after a revision.

    The first time, read all pages of `GET /tasks?sort=created&order=asc`, and go on from the `revision` of the
    first of them. Then the `revision` of each page of changes is the next `since`. Where it says `more`, ask again
    at once. No task is twice on a page, which so may be applied in any order. It has at most 1 MiB of changes, so
    they may be fewer than `limit`.

    With `wait`, the answer comes when something is newer, or after so many seconds without a change, and sooner
    when the service stops or your token expires: ask again with the `revision` you have.
    """
    feed = state_of(request.app).service(ChangesService)
    read = partial(feed.read_changes, owner, query.since, query.limit)
    page = await when_changed(request, owner, query.since, query.wait, read)
    return JsonResponse(vars(page) | {"tasks": _array(page.tasks), "deleted": _array(page.deleted)})


@router.get(
    "/{task_id}",
    summary="Read a task",
    response_model=TaskRead,
    responses=READS,
    openapi_extra={"parameters": [IF_NONE_MATCH]},
)
@fast
async def read_task(request: Request, owner: TaskOwner, task_id: TaskId) -> Response:
    """Read one of your tasks."""
    task = await _service(request).read_task(owner, task_id)
    if is_unchanged(request, tag := _tag(task)):
        return not_modified(tag)
    return _tagged(task)


@router.put("/{task_id}", name="put_task", **UPDATE)
@router.patch("/{task_id}", name="patch_task", **UPDATE)
@fast
async def update_task(
    request: Request,
    owner: TaskOwner,
    task_id: TaskId,
    changes: Annotated[Values, Depends(JsonBody(SomeChanges))],
) -> Response:
    """Change any of a task's fields but `uid`. What is not named stays as it is."""
    expected = expected_revisions(request)
    with _tagged_refusal():
        task = await _service(request).update_task(owner, task_id, changes, expected)
    return _tagged(task)


@router.patch("/{task_id}/complete", **COMPLETE)
@router.patch("/{task_id}/toggle", name="toggle_task", **COMPLETE)
@fast
async def complete_task(
    request: Request,
    owner: TaskOwner,
    task_id: TaskId,
    wanted: Annotated[Completion | None, Depends(JsonBody(Completion, optional=True))],
) -> Response:
    """Without a body, or with `{}`, flip whether the task is done: two calls at once are two flips.

    With a body, set it: such a call can be repeated.
    """
    completed = wanted.get("completed") if wanted else None
    expected = expected_revisions(request)
    with _tagged_refusal():
        task = await _service(request).complete_task(owner, task_id, completed=completed, expected=expected)
    return _tagged(task)


@router.delete(
    "/{task_id}",
    summary="Delete a task",
    status_code=204,
    responses=responses(400, 401, 403, 404, 413, 503) | STALE,
    openapi_extra={"parameters": [IF_MATCH]},
)
@fast
async def delete_task(request: Request, owner: TaskOwner, task_id: TaskId) -> Response:
    """Delete a task for good."""
    await end_of_body(request)
    expected = expected_revisions(request)
    with _tagged_refusal():
        await _service(request).delete_task(owner, task_id, expected)
    return Response(status_code=204)


router.include_router(batch_routes.router)


def _service(request: Request) -> TaskService:
    return state_of(request.app).service(TaskService)


def _array(pieces: Iterable[bytes]) -> list[Fragment]:
    """Return an array whose members are there as JSON."""
    return [Fragment(members) for members in pieces]


def _tag(task: Mapping[str, Any]) -> str:
    return tag_of(task["revision"], GENERATION)


def _tagged(task: TaskRead, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return JsonResponse(task, status, {"ETag": _tag(task), **REVALIDATE, **(headers or {})})


@contextmanager
def _tagged_refusal() -> Iterator[None]:
    """Give a 412 the tag of the task that it shows."""
    try:
        yield
    except PreconditionFailedError as error:
        error.headers["ETag"] = _tag(error.current)
        raise


def _path(request: Request) -> str:
    """Return the path of the request, encoded for a header."""
    return quote(request.scope["path"], safe="/@:")
