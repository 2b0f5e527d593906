"""What an account already knows of the tasks of an import: those that are there, and those deleted since."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from taskward.client import tasks
from taskward.client.errors import ClientError, RefusedError
from taskward.client.session import Session

LARGEST_PAGE = "1000"
GONE = "CHANGES_GONE"


class Mine:
    """The tasks that are there, by id and time of creation. Read when first asked; 100,000 take some 20 MB."""

    def __init__(self, session: Session) -> None:
        """Take whose tasks."""
        self._session = session
        self._created: dict[int, int] | None = None

    def __call__(self, task_id: int, created_at: str) -> bool:
        """Tell whether the account has this task. Raises what `Session.request` raises."""
        if self._created is None:
            pages = tasks.pages(self._session, sort="created", order="asc")
            self._created = {task["id"]: _moment(task["created_at"]) for page in pages for task in page["tasks"]}
        found = self._created.get(task_id)
        return found is not None and found == _moment(created_at)


def _moment(text: str) -> int:
    """Return a time in microseconds, whose type takes less memory; 0 for what is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return 0
    return round(moment.timestamp() * 1_000_000)


def deleted_rows(session: Session, until: int, names: Mapping[str, int], ids: Mapping[int, int]) -> list[int]:
    """Return the rows whose tasks were deleted before revision `until`, as far as the service knows (30 days).

    `names` and `ids` have the rows by uid, and by the id that the task of an export had. Nothing where it cannot
    be known.
    """
    try:
        deleted = list(_deletions(session, until)) if until and (names or ids) else []
    except ClientError:
        return []  # the tasks are created, and that is what counts
    rows = {names.get(each["uid"] or "") or ids.get(each["id"]) for each in deleted}
    return sorted(row for row in rows if row)


def _deletions(session: Session, until: int) -> Iterator[dict[str, Any]]:
    since = _oldest_known(session, until)
    while since is not None and since < until:
        page = _changes(session, since, LARGEST_PAGE)
        if page is None:
            return
        yield from page["deleted"]
        since = page["revision"] if page["more"] else None


def _oldest_known(session: Session, until: int) -> int | None:
    """Return the first revision after which all deletions are known: with any later one they are as well."""
    if _changes(session, 0, "1") is not None:
        return 0
    low, high = 0, until
    while low + 1 < high:
        middle = (low + high) // 2
        if _changes(session, middle, "1") is None:
            low = middle
        else:
            high = middle
    return high


def _changes(session: Session, since: int, limit: str) -> dict[str, Any] | None:
    query = {"since": str(since), "limit": limit}
    try:
        page: dict[str, Any] = session.request("GET", "/tasks/changes", query=query).body
    except RefusedError as error:
        if error.code != GONE:
            raise
        return None
    return page
