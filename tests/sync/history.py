"""What clients asked and were told, and when: for a checker of linearizability that is not ours."""

import json
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CHECKER = Path(__file__).parent / "linearizability"
NEVER = 2**62  # when an operation ended of which nobody knows what came of it

Operation = dict[str, Any]


@dataclass
class History:
    """Operations on one object, which begin and end at nanoseconds of one clock."""

    kind: str  # "task" or "counter"
    name: str
    operations: list[Operation] = field(default_factory=list)


class Histories:
    """The histories of each task, by its `uid`, and of each user's counter, since all rested."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], History] = {}

    def of_task(self, uid: str) -> list[Operation]:
        """Return the operations on a task so far."""
        return self._of("task", uid)

    def of_counter(self, user_id: str) -> list[Operation]:
        """Return the operations on a user's counter so far."""
        return self._of("counter", user_id)

    def all(self) -> Iterable[History]:
        """Return every history."""
        return self._found.values()

    def _of(self, kind: str, name: str) -> list[Operation]:
        return self._found.setdefault((kind, name), History(kind, name)).operations


def operation(client: int, begun: int, ended: int | None, **what: Any) -> Operation:
    """Return an operation for a history; `ended` is None where its response was lost."""
    return {"client": client, "call": begun, "return": NEVER if ended is None else ended, **what}


def now() -> int:
    """Return nanoseconds of the clock of all histories."""
    return time.monotonic_ns()


def anomalies(histories: Iterable[History]) -> list[str]:
    """Return the names of the histories that no order of their operations explains."""
    lines = [
        json.dumps({"kind": history.kind, "name": history.name, "operations": history.operations})
        for history in histories
    ]
    done = subprocess.run(
        ["go", "run", "."],
        cwd=CHECKER,
        input="\n".join(lines),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()
