"""Creating many tasks, each once, however often it is interrupted and repeated."""

import hashlib
import json
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from taskward.client import tasks
from taskward.client.api import in_words
from taskward.client.errors import ClientError, RefusedError
from taskward.client.fields import FIRST_FIELDS, NOT_SAID
from taskward.client.session import Session

BATCH_ROWS = 100
BATCH_BYTES = 500 * 1000  # of which the service takes 512 KiB
NO_BATCHES = (404, 405)  # of a service that is older
REFUSED = (400, 413, 422)
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


class Keys:
    """Derives the key of each row, so that the same row gets the same key in every run.

    It says which import the row belongs to, what is in it, and how many rows like it came before: so two equal
    rows are two tasks, and rows may be mended, added, removed and moved between two runs. Keys belong to a user
    anyway. Takes some 100 bytes of memory for each different row.
    """

    def __init__(self, batch: str) -> None:
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


def import_rows(session: Session, rows: Iterable[dict[str, Any]], batch: str, in_flight: int) -> Iterator[Outcome]:
    """Create a task for each row, `in_flight` batches at a time, and yield what became of each in their order.

    Raises what reading the rows raises, when those before are created, and what `Session.request` raises, but goes
    on after a row that is refused.
    """
    keys = Keys(batch)
    broken: list[ClientError] = []
    numbered = (Row(number, row, keys.next(row)) for number, row in enumerate(rows, 1))
    waiting: deque[Future[list[Outcome]]] = deque()
    with ThreadPoolExecutor(in_flight) as threads:
        try:
            for together in _batches(numbered, broken):
                waiting.append(threads.submit(_create, session, together))
                if len(waiting) >= 2 * in_flight:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            session.stop_waiting()  # what is under way is answered, and what waits for a better moment is not
            raise
    for error in broken:
        raise error


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


def _create(session: Session, rows: Sequence[Row]) -> list[Outcome]:
    """Create the tasks of these rows. Where the service refuses the whole batch, find the rows that it is for."""
    if not rows:
        return []
    try:
        created = tasks.add_all(session, [row.named for row in rows])
    except RefusedError as error:
        if error.status in NO_BATCHES:
            return [_create_alone(session, row) for row in rows]
        if error.status not in REFUSED:
            raise
        return _without_refused(session, rows, error)
    return [Outcome(row.number, created=each) for row, each in zip(rows, created, strict=True)]


def _without_refused(session: Session, rows: Sequence[Row], error: RefusedError) -> list[Outcome]:
    refusals = _refusals(error)
    if not refusals and len(rows) == 1:
        return [Outcome(rows[0].number, created=False, refusal=str(error))]
    if not refusals:  # it cannot be read, or is too large: one half is not to blame
        half = len(rows) // 2
        return _create(session, rows[:half]) + _create(session, rows[half:])
    refused = [
        Outcome(row.number, created=False, refusal=refusals[place])
        for place, row in enumerate(rows)
        if place in refusals
    ]
    others = _create(session, [row for place, row in enumerate(rows) if place not in refusals])
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
