"""What a page costs, in a short list, in a long one, and deep inside it."""

import http.client
import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from statistics import median

from bench.servers import Server
from bench.usage import Tree
from bench.users import User

LIMIT = 20
DEEP = 1000
SECONDS = 2  # processor time is counted in hundredths of a second
WARM_UP = 10  # statements are prepared at their sixth use

Get = Callable[[str], bytes]


@dataclass(frozen=True)
class Page:
    """One page, asked for again and again by one client: milliseconds, and processor time in µs per request."""

    name: str
    milliseconds: float
    service_cpu: float
    database_cpu: float


def by_cursor(server: Server, few: User, some: User, many: User, database: Tree) -> list[Page]:
    """Measure the service, which goes on where the page before ended, and sorts and searches too."""
    with _client(server, many) as get:
        path = f"/tasks?limit={LIMIT}"
        for _ in range(DEEP - 1):
            path = f"/tasks?limit={LIMIT}&cursor={json.loads(get(path))['next_cursor']}"
    by_due, words = f"/tasks?limit={LIMIT}&sort=due", f"/tasks?limit={LIMIT}&q=milk+7"
    return [
        *_pages(server, few, many, database, path),
        _page(f"first page by due day of {len(few.task_ids):,} tasks", server, few, by_due, database),
        _page(f"first page by due day of {len(many.task_ids):,} tasks", server, many, by_due, database),
        _page(f"two words, searched in {len(some.task_ids):,} tasks", server, some, words, database),
    ]


def by_offset(server: Server, few: User, many: User, database: Tree) -> list[Page]:
    """Measure the usual stack, which counts to where the page begins."""
    return _pages(server, few, many, database, f"/tasks?limit={LIMIT}&offset={LIMIT * (DEEP - 1)}")


def _pages(server: Server, few: User, many: User, database: Tree, deep: str) -> list[Page]:
    first = f"/tasks?limit={LIMIT}"
    return [
        _page(f"first page of {len(few.task_ids):,} tasks", server, few, first, database),
        _page(f"first page of {len(many.task_ids):,} tasks", server, many, first, database),
        _page(f"page {DEEP:,} of {len(many.task_ids):,} tasks", server, many, deep, database),
    ]


def _page(name: str, server: Server, user: User, path: str, database: Tree) -> Page:
    times = []
    with _client(server, user) as get:
        for _ in range(WARM_UP):
            get(path)
        before = server.tree.processor_seconds(), database.processor_seconds()
        end = time.perf_counter() + SECONDS
        while time.perf_counter() < end:
            start = time.perf_counter()
            body = get(path)
            times.append(time.perf_counter() - start)
        after = server.tree.processor_seconds(), database.processor_seconds()
    if len(json.loads(body)["tasks"]) != LIMIT:
        raise AssertionError(f"{name} of {server.name} is not a full page")
    service_cpu, database_cpu = (
        (later - sooner) / len(times) * 1e6 for sooner, later in zip(before, after, strict=True)
    )
    return Page(name, median(times) * 1000, service_cpu, database_cpu)


@contextmanager
def _client(server: Server, user: User) -> Iterator[Get]:
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)) as connection:

        def get(path: str) -> bytes:
            connection.request("GET", path, headers={"Authorization": f"Bearer {user.token}"})
            response = connection.getresponse()
            body = response.read()
            if response.status != 200:
                raise AssertionError(f"{server.name} answered {path} with {response.status}")
            return body

        yield get
