"""What people do with their tasks, without losing what somebody else wrote meanwhile."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast
from uuid import uuid4

from taskward.client.errors import RefusedError, TaskChangedError
from taskward.client.fields import Page, Task
from taskward.client.session import Session

LARGEST_PAGE = 1000


def new_key() -> str:
    """Return an `Idempotency-Key` that nobody has used."""
    return str(uuid4())


def add(session: Session, new: dict[str, Any], key: str) -> tuple[Task, bool]:
    """Create a task once, however often this is repeated with `key` within a day; and tell whether it was now.

    With a `uid`, once for as long as the task is there.
    """
    response = session.request("POST", "/tasks", body=new, headers={"Idempotency-Key": key})
    return response.body, response.status == 201 and "idempotency-replayed" not in response.headers


def add_all(session: Session, new: Sequence[Mapping[str, Any]]) -> tuple[list[bool], int]:
    """Create tasks that have a `uid` each, all in one request; tell of each whether it was created now.

    Returns as well at which revision the account was before, or one that came later.

    Raises RefusedError, also where only one of them could not be created: then the others are.
    """
    operations = [{"do": "create", "task": each} for each in new]
    response = session.request("POST", "/tasks/batch", body={"operations": operations})
    results, revision = response.parts("results", "revision")
    for result in results:
        if result["status"] >= 400:
            raise RefusedError(result["status"], result["code"], result["detail"], result)
    created = [result["status"] == 201 for result in results]
    return created, revision - sum(created)


def read(session: Session, task_id: int) -> Task:
    """Return a task. Raises RefusedError."""
    task: Task = session.request("GET", f"/tasks/{task_id}").body
    return task


def pages(session: Session, most: int | None = None, **query: str | None) -> Iterator[Page]:
    """Yield pages, as the API has them: `tasks`, `count`, `next_cursor`. They end after `most` tasks, or all.

    A page may have fewer tasks than were asked for, and be followed by another.
    """
    while True:
        limit = LARGEST_PAGE if most is None else min(most, LARGEST_PAGE)
        asked = {name: value for name, value in query.items() if value is not None} | {"limit": str(limit)}
        page: Page = session.request("GET", "/tasks", query=asked).body
        yield page
        most = None if most is None else most - len(page["tasks"])
        if page["next_cursor"] is None or most == 0:
            return
        query["cursor"] = page["next_cursor"]


def edit(session: Session, task_id: int, changes: dict[str, Any], revision: int | None) -> Task:
    """Write `changes` if the task is still at `revision`; with None whatever it is at.

    Raises TaskChangedError, and RefusedError.
    """
    if "title" in changes:
        changes = {**changes, "title": changes["title"].strip()}  # as the service does
    try:
        response = session.request("PATCH", f"/tasks/{task_id}", body=changes, headers=_if_match(revision))
    except RefusedError as error:
        if error.code != "PRECONDITION_FAILED":
            raise
        current: dict[str, Any] = error.body["current"]
        # It may have been us: the first response was lost, and its repeat found what it had written itself.
        if all(current[name] == value for name, value in changes.items()):
            return cast("Task", current)
        raise _changed(cast("Task", current), revision) from error
    task: Task = response.body
    return task


def delete(session: Session, task_id: int, revision: int | None) -> None:
    """Delete a task that was just read, if it is still at `revision`; with None whatever it is at.

    Raises TaskChangedError, and RefusedError.
    """
    try:
        session.request("DELETE", f"/tasks/{task_id}", headers=_if_match(revision))
    except RefusedError as error:
        if error.code == "TASK_NOT_FOUND":
            return  # it was there: the response of a first request was lost, or somebody else wanted the same
        if error.code != "PRECONDITION_FAILED":
            raise
        raise _changed(error.body["current"], revision) from error


def _if_match(revision: int | None) -> dict[str, str]:
    """Name the revision that was seen. This is no tag: those are sent back as they came, and lists have none."""
    return {} if revision is None else {"If-Match": f'"{revision}"'}


def _changed(current: Task, revision: int | None) -> TaskChangedError:
    state = "done" if current["completed"] else "open"
    return TaskChangedError(
        f"task {current['id']} has changed since revision {revision}; nothing was written. It is now at revision "
        f"{current['revision']}, {state}, with the title {current['title']!r}. --force writes anyway."
    )
