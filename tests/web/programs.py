"""What other programs than the page do: they ask the same service, over HTTP alone."""

from typing import Any

import httpx2

from tests.web.people import EMAIL, PASSWORD, Person

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
