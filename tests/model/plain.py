"""What the service promises, as a plain Python object: no database, no HTTP, nothing at once."""

from dataclasses import dataclass, field
from typing import Any

Task = dict[str, Any]
SORT_KEYS = {
    "created": lambda task: task["id"],
    "updated": lambda task: task["revision"],
    "title": lambda task: (task["title"].lower(), task["id"]),
}


@dataclass
class Owner:
    """One user: the tasks, the counter, and what keyed creates were answered."""

    user_id: str
    revision: int = 0
    tasks: dict[int, Task] = field(default_factory=dict)
    responses: dict[str, tuple[Task, Task]] = field(default_factory=dict)  # key: body, answer

    def create(self, task_id: int, body: Task) -> Task:
        self.revision += 1
        task = {"description": None, "completed": False, **body, "title": body["title"].strip()}
        self.tasks[task_id] = {**task, "id": task_id, "user_id": self.user_id, "revision": self.revision}
        return self.tasks[task_id]

    def update(self, task_id: int, changes: Task) -> Task:
        self.revision += 1
        if "title" in changes:
            changes = {**changes, "title": changes["title"].strip()}
        self.tasks[task_id] = {**self.tasks[task_id], **changes, "revision": self.revision}
        return self.tasks[task_id]

    def delete(self, task_id: int) -> None:
        self.revision += 1
        del self.tasks[task_id]

    def list(self, status: str, sort: str, *, descending: bool) -> list[Task]:
        wanted = {"all": (True, False), "completed": (True,), "pending": (False,)}[status]
        found = [task for task in self.tasks.values() if task["completed"] in wanted]
        return sorted(found, key=SORT_KEYS[sort], reverse=descending)


def without_times(task: Task) -> Task:
    """Return a response's task as the model has it."""
    return {name: value for name, value in task.items() if name not in ("created_at", "updated_at")}
