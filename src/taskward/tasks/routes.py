"""The task operations over HTTP: one set of handlers behind three families of paths."""

from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from taskward.http.bodies import JsonBody
from taskward.http.identity import Owner
from taskward.http.openapi import answers
from taskward.http.parameters import TaskId, no_repeated_parameters
from taskward.http.responses import JsonResponse
from taskward.tasks.schemas import Completion, ListQuery, SomeChanges, TaskCreate, TaskList, TaskRead
from taskward.tasks.service import TaskService

FAMILIES = ("/api/{user_id}/tasks", "/users/{user_id}/tasks", "/tasks")

router = APIRouter(tags=["tasks"])


@router.get(
    "",
    summary="List tasks",
    response_model=TaskList,
    responses=answers(400, 401, 403, 503),
    dependencies=[Depends(no_repeated_parameters)],
)
async def list_tasks(request: Request, owner: Owner, query: Annotated[ListQuery, Query()]) -> Response:
    """List your tasks, page by page.

    Pages stay stable while tasks come and go: a page begins where the one before ended. Follow `next_cursor`,
    or the `Link` header (RFC 8288), until there is none.
    """
    page = await _service(request).list_tasks(owner, query)
    headers = {}
    if page.next_cursor:
        parameters = query.model_dump(exclude_unset=True) | {"cursor": page.next_cursor}
        headers["Link"] = f'<{_path(request)}?{urlencode(parameters)}>; rel="next"'
    return JsonResponse(
        {"tasks": page.tasks, "count": page.count, "next_cursor": page.next_cursor}, headers=headers
    )


@router.post(
    "",
    summary="Create a task",
    status_code=201,
    response_model=TaskRead,
    responses=answers(400, 401, 403, 413, 415, 503)
    | {201: {"headers": {"Location": {"description": "The path of the task.", "schema": {"type": "string"}}}}},
)
async def create_task(
    request: Request, owner: Owner, new: Annotated[TaskCreate, Depends(JsonBody(TaskCreate))]
) -> Response:
    """Create a task. `Location` says where it is."""
    task = await _service(request).create_task(owner, new)
    return JsonResponse(task, 201, {"Location": f"{_path(request)}/{task['id']}"})


@router.get(
    "/{task_id}", summary="Read a task", response_model=TaskRead, responses=answers(400, 401, 403, 404, 503)
)
async def read_task(request: Request, owner: Owner, task_id: TaskId) -> Response:
    """Read one of your tasks."""
    return JsonResponse(await _service(request).read_task(owner, task_id))


@router.put(
    "/{task_id}",
    name="put_task",
    summary="Update a task",
    response_model=TaskRead,
    responses=answers(400, 401, 403, 404, 413, 415, 503),
)
@router.patch(
    "/{task_id}",
    name="patch_task",
    summary="Update a task",
    response_model=TaskRead,
    responses=answers(400, 401, 403, 404, 413, 415, 503),
)
async def update_task(
    request: Request,
    owner: Owner,
    task_id: TaskId,
    changes: Annotated[SomeChanges, Depends(JsonBody(SomeChanges))],
) -> Response:
    """Change any of a task's title, description and completion. What is not named stays as it is."""
    return JsonResponse(await _service(request).update_task(owner, task_id, changes))


@router.patch(
    "/{task_id}/complete",
    summary="Complete a task, or reopen it",
    response_model=TaskRead,
    responses=answers(400, 401, 403, 404, 413, 415, 503),
)
@router.patch(
    "/{task_id}/toggle",
    name="toggle_task",
    summary="Complete a task, or reopen it",
    response_model=TaskRead,
    responses=answers(400, 401, 403, 404, 413, 415, 503),
)
async def complete_task(
    request: Request,
    owner: Owner,
    task_id: TaskId,
    wanted: Annotated[Completion | None, Depends(JsonBody(Completion, optional=True))],
) -> Response:
    """Without a body, flip whether the task is done: two calls at once are two flips.

    With a body, set it: such a call can be repeated.
    """
    completed = wanted.completed if wanted else None
    return JsonResponse(await _service(request).complete_task(owner, task_id, completed=completed))


@router.delete("/{task_id}", summary="Delete a task", status_code=204, responses=answers(400, 401, 403, 404, 503))
async def delete_task(request: Request, owner: Owner, task_id: TaskId) -> Response:
    """Delete a task for good."""
    await _service(request).delete_task(owner, task_id)
    return Response(status_code=204)


def _service(request: Request) -> TaskService:
    service: TaskService = request.app.state.tasks
    return service


def _path(request: Request) -> str:
    """Return the path of the request, encoded for a header."""
    return quote(request.scope["path"], safe="/@:")
