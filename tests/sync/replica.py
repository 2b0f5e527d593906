"""The client of docs/sync.md: what it holds equals what the service has. The document shows it line by line."""

from collections.abc import Awaitable, Callable
from typing import Any

Get = Callable[..., Awaitable[tuple[int, Any]]]


class Replica:
    """All tasks of one user. `get` returns status and JSON of a path, and raises for other than 200 and 410."""

    def __init__(self, get: Get) -> None:
        self._get = get
        self.tasks: dict[int, Any] = {}
        self.revision: int | None = None  # up to which it holds everything; None: start again

    async def step(self, wait: int = 0) -> None:
        """Take what is new. Where nothing is, wait up to so many seconds for it."""
        if self.revision is None:
            await self._start()
        status, page = await self._get("/tasks/changes", since=self.revision, wait=wait)
        if status == 410:
            self.revision = None
            return
        for deleted in page["deleted"]:
            self.tasks.pop(deleted["id"], None)
        for task in page["tasks"]:
            self.tasks[task["id"]] = task
        agrees = page["more"] or page["count"] == len(self.tasks)
        self.revision = page["revision"] if agrees else None

    async def _start(self) -> None:
        query = {"sort": "created", "order": "asc"}
        _, page = await self._get("/tasks", **query)
        revision, tasks = page["revision"], page["tasks"]
        while page["next_cursor"]:
            _, page = await self._get("/tasks", **query, cursor=page["next_cursor"])
            tasks += page["tasks"]
        self.tasks, self.revision = {task["id"]: task for task in tasks}, revision
