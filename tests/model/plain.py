"""What the service promises, as a plain Python object: no database, no HTTP, nothing at once."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Task = dict[str, Any]
UNSAID: Task = {
    "uid": None, "description": None, "completed": False, "due_date": None, "due_time": None, "due_zone": None,
    "priority": None, "tags": [],
}  # fmt: skip
ORDER = ["high", "medium", "low", None]


def due_key(task: Task) -> tuple[bool, str, str]:
    """Return what sorts by due: what never is comes last, and a day after its timed tasks."""
    return (task["due_date"] is None, task["due_date"] or "", task["due_time"] or "24:00")


SORT_KEYS = {
    "created": lambda task: task["id"],
    "updated": lambda task: task["revision"],
    "title": lambda task: (task["title"].lower(), task["id"]),
    "due": lambda task: (due_key(task), task["id"]),
    "priority": lambda task: (ORDER.index(task["priority"]), task["id"]),
    "completed": lambda task: (task["completed_at"], task["id"]),  # a number that grows as the clock does
}


def _has_words(task: Task, words: str) -> bool:
    text = "\n".join([task["title"], task["description"] or "", *task["tags"]]).lower()
    return all(word in text for word in words.lower().split())


FILTERS: dict[str, Callable[[Task, str], bool]] = {
    "due_from": lambda task, day: task["due_date"] is not None and task["due_date"] >= day,
    "due_to": lambda task, day: task["due_date"] is not None and task["due_date"] <= day,
    "due": lambda task, which: (task["due_date"] is None) == (which == "none"),
    "priority": lambda task, names: task["priority"] in names.split(","),
    "tags": lambda task, tags: set(tags.lower().split(",")) <= {tag.lower() for tag in task["tags"]},
    "uid": lambda task, uid: task["uid"] == uid,
    "q": _has_words,
}


class RefusedError(Exception):
    """A change that the service answers with 400."""


@dataclass
class Owner:
    """One user: the tasks, the counter, and what keyed creates were answered."""

    user_id: str
    revision: int = 0
    tasks: dict[int, Task] = field(default_factory=dict)
    responses: dict[str, tuple[Task, Task]] = field(default_factory=dict)  # key: body, answer
    replica: dict[int, Task] = field(default_factory=dict)  # what a client has that reads the changes alone
    replica_revision: int = 0

    def named(self, uid: str | None) -> Task | None:
        return next((task for task in self.tasks.values() if uid is not None and task["uid"] == uid), None)

    def create(self, task_id: int, body: Task) -> Task:
        self.tasks[task_id] = {"id": task_id, "user_id": self.user_id, **UNSAID, "completed_at": 0}
        return self.update(task_id, body)

    def update(self, task_id: int, changes: Task) -> Task:
        before = self.tasks[task_id]
        after = {**before, **changes}
        after["title"] = after["title"].strip()
        if "due_date" in changes and changes["due_date"] is None:
            after |= {"due_time": None, "due_zone": None}
        if "due_time" in changes and changes["due_time"] is None:
            after["due_zone"] = None
        if (after["due_time"] and not after["due_date"]) or (after["due_zone"] and not after["due_time"]):
            raise RefusedError
        self.revision += 1
        if after["completed"] != before["completed"]:
            after["completed_at"] = self.revision if after["completed"] else 0
        self.tasks[task_id] = {**after, "revision": self.revision}
        return self.tasks[task_id]

    def delete(self, task_id: int) -> None:
        self.revision += 1
        del self.tasks[task_id]

    def list(self, status: str, sort: str, *, descending: bool, filters: dict[str, str]) -> list[Task]:
        wanted = {"all": (True, False), "completed": (True,), "pending": (False,)}[status]
        found = [
            task
            for task in self.tasks.values()
            if task["completed"] in wanted and all(FILTERS[name](task, value) for name, value in filters.items())
        ]
        return sorted(found, key=SORT_KEYS[sort], reverse=descending)


def without_times(task: Task) -> Task:
    """Return a response's task, or the model's, without what only a clock knows."""
    known = {name: value for name, value in task.items() if name not in ("created_at", "updated_at")}
    return {**known, "completed_at": bool(task["completed_at"])}
