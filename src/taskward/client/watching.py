"""What changes, as it changes, for as long as somebody looks and whatever becomes of the service."""

import random
import time
from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import Any

from taskward.client.errors import ChangesGoneError, RefusedError, ServerAwayError
from taskward.client.session import Session

WAIT_SECONDS = 25  # for a change, in one request: what stands between gives a response 30 seconds at the least
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 30.0

Change = dict[str, Any]  # a task as it is now, or what is left of one: {"deleted": {"id", "uid", "revision"}}


def newest_revision(session: Session) -> int:
    """Return where whoever wants to see what comes from now on begins."""
    (revision,) = session.request("GET", "/tasks", query={"limit": "1"}).parts("revision")
    return int(revision)


def changes(session: Session, since: int, tell: Callable[[str], None]) -> Iterator[Change]:
    """Yield each change after a revision, in the order of their revisions, and wait for the next, without end.

    A service that goes away is asked again until it is back, with pauses that grow, and `tell` is told. One that
    was never there is not waited for. Raises what `Session.request` raises, and ChangesGoneError.
    """
    pauses, begun, is_away = _pauses(), False, False
    while True:
        asked = time.monotonic()
        try:
            found, since = _page(session, since)
        except ServerAwayError as error:
            if not begun:
                raise
            if not is_away:
                tell(f"{error} Trying again until it answers.")
            is_away = True
        else:
            if is_away:
                tell("the service answers again.")
            begun, is_away = True, False
            yield from found
            if found or time.monotonic() - asked > 1:
                pauses = _pauses()
                continue
        time.sleep(next(pauses))  # also where it answers at once and has nothing, as one does that stops


def _page(session: Session, since: int) -> tuple[list[Change], int]:
    try:
        response = session.request("GET", "/tasks/changes", query={"since": str(since), "wait": str(WAIT_SECONDS)})
    except RefusedError as error:
        if error.code != "CHANGES_GONE":
            raise
        raise ChangesGoneError(
            f"what has changed since revision {since} is not all known any more. Read all of your tasks again, as "
            "`taskward export` does, and begin without --since."
        ) from error
    tasks, deleted, revision = response.parts("tasks", "deleted", "revision")
    return _in_order(tasks, deleted), revision


def _in_order(tasks: list[Change], deleted: list[Change]) -> list[Change]:
    """Return all by their revisions, so that the last one which somebody has seen is where to go on."""
    changed = [(each["revision"], each) for each in tasks]
    changed += [(each["revision"], {"deleted": each}) for each in deleted]
    return [each for _, each in sorted(changed, key=itemgetter(0))]


def _pauses() -> Iterator[float]:
    """Yield seconds, each time up to twice as many. So that many who lost a service do not come back together."""
    longest = FIRST_PAUSE_SECONDS
    while True:
        yield random.uniform(longest / 2, longest)  # noqa: S311
        longest = min(2 * longest, LONGEST_PAUSE_SECONDS)
