"""Creating many tasks, each once, however often it is interrupted and repeated."""

import hashlib
import json
import re
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from taskward.client import tasks
from taskward.client.api import in_words
from taskward.client.errors import ClientError, RefusedError
from taskward.client.fields import FIRST_FIELDS, NOT_SAID
from taskward.client.imports.found import Found
from taskward.client.session import Session

BATCH_ROWS = 100
BATCH_BYTES = 500 * 1000  # of which the service takes 512 KiB
NO_BATCHES = (404, 405)  # of a service that is older
REFUSED = (400, 413, 422)
BegunAt = Callable[[int], None]
# What the service names, where a row of its own would be a task: `operations.7.task.title`.
FIELD_OF_A_ROW = re.compile(r"operations\.(\d+)(?:\.task)?(?:\.(.+))?\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a row, the first being 1: created now, there already, or refused and why."""

    row: int
    created: bool
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a file: what is to be created, and the key that is its own in every run."""

    number: int
    task: dict[str, Any]
    key: str

    @property
    def named(self) -> dict[str, Any]:
        """The task with a name, so that it is created once: that of the file, or else the key."""
        return {"uid": self.key, **self.task}


@dataclass(slots=True)
class Tally:
    """What has become of the rows so far. Takes some 100 bytes of memory for each task that was created."""

    rows: int = 0
    created: int = 0
    there: int = 0
    refused: list[tuple[int, str]] = field(default_factory=list)
    read: int = 0  # the last row that was read
    stopped_at: int | None = None  # the first row of which it is not known, where the import was broken off
    before: int | None = None  # the revision of the account before the first batch
    # Which rows were created now, by the name and by the id that a deleted task may have had.
    new_names: dict[str, int] = field(default_factory=dict)
    new_ids: dict[int, int] = field(default_factory=dict)

    def begun_at(self, revision: int) -> None:
        """Note at which revision the account was before a batch."""
        self.before = revision if self.before is None else min(self.before, revision)

    def take(self, outcome: Outcome) -> None:
        """Count what became of a row."""
        self.rows += 1
        if outcome.refusal is not None:
            self.refused.append((outcome.row, outcome.refusal))
        elif outcome.created:
            self.created += 1
        else:
            self.there += 1


class Keys:
    """Derives the key of each row, so that the same row gets the same key in every run.

    It says which import the row belongs to, what is in it, and how many rows like it came before: so two equal
    rows are two tasks, and rows may be mended, added, removed and moved between two runs. Keys belong to a user
    anyway. Takes some 100 bytes of memory for each different row.
    """

    def __init__(self, batch: str) -> None:
        """Take the name of the import."""
        self._batch = batch
        self._seen: Counter[bytes] = Counter()

    def next(self, row: dict[str, Any]) -> str:
        """Return the key of the next row."""
        # The first fields stand as they always have, so that an upgrade between two runs changes no key.
        content = [self._batch, row["title"], row.get("description"), row.get("completed", False)]
        content += [[name, row[name]] for name in sorted(row.keys() - FIRST_FIELDS) if row[name] not in NOT_SAID]
        digest = hashlib.sha256(json.dumps(content).encode()).digest()[:16]
        self._seen[digest] += 1
        return f"import-{digest.hex()}-{self._seen[digest]}"


def import_rows(
    session: Session,
    found: Iterable[Found],
    batch: str,
    in_flight: int,
    tally: Tally,
    is_mine: Callable[[int, str], bool],
    told: Callable[[], object] = lambda: None,
) -> None:
    """Create a task for each row, `in_flight` batches at a time, and count in `tally` what became of each.

    `is_mine` tells of a task of an export whether it is there, by its id and its time of creation. `told` is
    called after each batch. Raises what reading the rows raises, when those before are created, and what
    `Session.request` raises, but goes on after a row that is refused. However it ends, what is under way is
    counted as well.
    """
    broken: list[ClientError] = []
    create = partial(_create, session, tally.begun_at)
    rows = _batches(_numbered(found, batch, tally, is_mine), broken)
    waiting: deque[tuple[list[Row], Future[list[Outcome]]]] = deque()
    with ThreadPoolExecutor(in_flight) as threads:
        try:
            for together in rows:
                waiting.append((together, threads.submit(create, together)))
                if len(waiting) >= 2 * in_flight:
                    _take_first(waiting, tally)
                    told()
            while waiting:
                _take_first(waiting, tally)
                told()
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            session.stop_waiting()  # what is under way is answered, and what waits for a better moment is not
            threads.shutdown(wait=True)
            _take_rest(waiting, tally)
            tally.stopped_at = tally.stopped_at or tally.read + 1
            raise
    for error in broken:
        raise error


def _numbered(
    found: Iterable[Found], batch: str, tally: Tally, is_mine: Callable[[int, str], bool]
) -> Iterator[Row]:
    """Yield what is to be sent. What is there already by the id of an export is counted, and not sent."""
    keys = Keys(batch)
    for each in found:
        tally.read = each.row
        row = Row(each.row, each.task, keys.next(each.task))
        if each.own is None:
            yield row
        elif is_mine(*each.own):
            tally.take(Outcome(each.row, created=False))
        else:
            tally.new_ids[each.own[0]] = each.row
            yield row


def _batches(rows: Iterator[Row], broken: list[ClientError]) -> Iterator[list[Row]]:
    """Yield rows that can be sent together: few enough, small enough, and no two of one name.

    The error of a file that breaks off is put into `broken`, for when the rows before it are created.
    """
    together: list[Row] = []
    names: set[str] = set()
    size = 0
    try:
        for row in rows:
            name, more = json.dumps(row.named["uid"]), len(json.dumps(row.named)) + len('{"do":"create","task":},')
            if len(together) == BATCH_ROWS or size + more > BATCH_BYTES or name in names:
                yield together
                together, names, size = [], set(), 0
            together.append(row)
            names.add(name)
            size += more
    except ClientError as error:
        broken.append(error)
    if together:
        yield together


def _take_first(waiting: deque[tuple[list[Row], Future[list[Outcome]]]], tally: Tally) -> None:
    rows, future = waiting[0]
    outcomes = future.result()
    waiting.popleft()
    for row, outcome in zip(rows, outcomes, strict=True):
        tally.take(outcome)
        if outcome.created and isinstance(name := row.named["uid"], str):
            tally.new_names[name] = outcome.row


def _take_rest(waiting: deque[tuple[list[Row], Future[list[Outcome]]]], tally: Tally) -> None:
    """Count what was answered although the import is broken off, and find the first row that was not."""
    while waiting:
        rows, future = waiting[0]
        if future.cancelled() or future.exception() is not None:
            if rows and tally.stopped_at is None:
                tally.stopped_at = rows[0].number
            waiting.popleft()
        else:
            _take_first(waiting, tally)


def _create(session: Session, begun_at: BegunAt, rows: Sequence[Row]) -> list[Outcome]:
    """Create the tasks of these rows. Where the service refuses the whole batch, find the rows that it is for."""
    if not rows:
        return []
    try:
        created, before = tasks.add_all(session, [row.named for row in rows])
    except RefusedError as error:
        if error.status in NO_BATCHES:
            return [_create_alone(session, row) for row in rows]
        if error.status not in REFUSED:
            raise
        return _without_refused(session, begun_at, rows, error)
    begun_at(before)
    return [Outcome(row.number, created=each) for row, each in zip(rows, created, strict=True)]


def _without_refused(
    session: Session, begun_at: BegunAt, rows: Sequence[Row], error: RefusedError
) -> list[Outcome]:
    refusals = _refusals(error)
    if not refusals and len(rows) == 1:
        return [Outcome(rows[0].number, created=False, refusal=str(error))]
    if not refusals:  # it cannot be read, or is too large: one half is not to blame
        half = len(rows) // 2
        return _create(session, begun_at, rows[:half]) + _create(session, begun_at, rows[half:])
    refused = [
        Outcome(row.number, created=False, refusal=refusals[place])
        for place, row in enumerate(rows)
        if place in refusals
    ]
    others = _create(session, begun_at, [row for place, row in enumerate(rows) if place not in refusals])
    return sorted(refused + others, key=lambda outcome: outcome.row)


def _refusals(error: RefusedError) -> dict[int, str]:
    """Return what is wrong with which rows of a batch, as it would be told of each alone."""
    problems: dict[int, list[dict[str, str]]] = {}
    for problem in error.body.get("errors") or ():
        if found := FIELD_OF_A_ROW.match(problem["field"]):
            problems.setdefault(int(found[1]), []).append({**problem, "field": found[2] or "task"})
    return {place: in_words(of_one) for place, of_one in problems.items()}


def _create_alone(session: Session, row: Row) -> Outcome:
    try:
        _, created = tasks.add(session, row.task, row.key)
    except RefusedError as error:
        if error.status not in REFUSED:
            raise
        return Outcome(row.number, created=False, refusal=str(error))
    return Outcome(row.number, created=created)
