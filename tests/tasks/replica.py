"""A client that knows nothing but the feed of changes."""

from dataclasses import dataclass, field
from typing import Any

from tests.client import Client

Task = dict[str, Any]


@dataclass
class Replica:
    """The tasks of one user as a client keeps them, and the revision up to which it has read."""

    tasks: dict[int, Task] = field(default_factory=dict)
    since: int = 0
    more: bool = False

    def apply(self, page: dict[str, Any]) -> None:
        """Take in a page, deletions first, as any order must do; fail where it contradicts itself."""
        ids = [entry["id"] for entry in page["tasks"] + page["deleted"]]
        assert len(set(ids)) == len(ids)
        assert all(self.since < entry["revision"] <= page["revision"] for entry in page["tasks"] + page["deleted"])
        for gone in page["deleted"]:
            self.tasks.pop(gone["id"], None)
        self.tasks |= {task["id"]: task for task in page["tasks"]}
        self.since, self.more = page["revision"], page["more"]
        assert self.more or len(self.tasks) == page["count"]


async def read_changes(client: Client, since: int = 0, **parameters: int) -> dict[str, Any]:
    response = await client.get("/tasks/changes", params={"since": since, **parameters})
    assert response.status_code == 200, response.text
    page: dict[str, Any] = response.json()
    return page


async def follow(client: Client, replica: Replica, **parameters: int) -> None:
    """Read on to the end."""
    replica.more = True
    while replica.more:
        replica.apply(await read_changes(client, replica.since, **parameters))


async def start(client: Client, replica: Replica) -> None:
    """Read the whole list, of which the first page says where its changes begin."""
    replica.tasks = {}
    page = (await client.get("/tasks?sort=created&order=asc&limit=2")).json()
    replica.since = page["revision"]
    while True:
        replica.tasks |= {task["id"]: task for task in page["tasks"]}
        if page["next_cursor"] is None:
            break
        page = (await client.get(f"/tasks?sort=created&order=asc&limit=2&cursor={page['next_cursor']}")).json()
    await follow(client, replica)
