"""What other programs than the page do: they ask the same service, over HTTP alone."""

from typing import Any

import httpx2
import psycopg

from tests.web.people import EMAIL, PASSWORD, Person

# Each task changes the row of its owner, and a transaction leaves all versions of that in the way of the next.
AT_ONCE = 500
LOG_IN = {"grant_type": "password", "username": EMAIL, "password": PASSWORD}


def ask(method: str, address: str, **content: Any) -> httpx2.Response:
    """Send one request; to read the certificates of this machine, of which none is needed, would take longer."""
    return httpx2.request(method, address, verify=False, **content)


def register(url: str) -> None:
    """Make alice's account."""
    ask("POST", f"{url}/auth/register", json={"email": EMAIL, "password": PASSWORD}).raise_for_status()


def elsewhere(tab: Person, method: str, path: str, values: dict[str, Any] | None = None) -> dict[str, Any]:
    """Send a request as another client of the same person does."""
    token = ask("POST", f"{tab.url}/auth/token", data=LOG_IN).json()["access_token"]
    done = ask(method, f"{tab.url}{path}", json=values, headers={"Authorization": f"Bearer {token}"})
    found: dict[str, Any] = done.raise_for_status().json()
    return found


def add_many(superuser: psycopg.Connection, last: int) -> None:
    """Give whoever has the one task there is, `Task 1.`, all others up to the last, which are newer and newer."""
    for first in range(2, last + 1, AT_ONCE):
        superuser.execute(
            "INSERT INTO tasks (user_id, title) SELECT user_id, 'Task ' || n || '.'"
            " FROM tasks, generate_series(%s::integer, %s) AS n WHERE title = 'Task 1.'",
            [first, min(first + AT_ONCE - 1, last)],
        )
