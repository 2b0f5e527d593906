"""Creating many tasks, each once, however often it is interrupted and repeated within a day."""

import hashlib
import json
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from taskward.client import tasks
from taskward.client.errors import RefusedError
from taskward.client.fields import FIRST_FIELDS, NOT_SAID
from taskward.client.session import Session


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a row, the first being 1: created now, there already, or refused and why."""

    row: int
    created: bool
    refusal: str | None = None


class Keys:
    """Derives the `Idempotency-Key` of each row, so that the same row gets the same key in every run.

    It says which batch the row belongs to, what is in it, and how many rows like it came before: so two equal
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
    """Create a task for each row, `in_flight` at a time, and yield what became of each in their order.

    Raises what reading the rows and `Session.request` raise, but goes on after a row that is refused.
    """
    keys = Keys(batch)
    waiting: deque[Future[Outcome]] = deque()
    with ThreadPoolExecutor(in_flight) as threads:
        try:
            for number, row in enumerate(rows, 1):
                waiting.append(threads.submit(_create, session, number, row, keys.next(row)))
                if len(waiting) >= 2 * in_flight:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            session.stop_waiting()  # what is under way is answered, and what waits for a better moment is not
            raise


def _create(session: Session, number: int, row: dict[str, Any], key: str) -> Outcome:
    try:
        _, created = tasks.add(session, row, key)
    except RefusedError as error:
        if error.status not in (400, 413, 422):
            raise
        return Outcome(number, created=False, refusal=str(error))
    return Outcome(number, created=created)
