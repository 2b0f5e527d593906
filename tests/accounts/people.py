"""What a front end does with accounts."""

from typing import Any

import httpx2

from tests.client import Client

PASSWORD = "correct horse battery staple"


async def register(client: Client, person: str, password: str = PASSWORD) -> dict[str, Any]:
    response = await client.post("/auth/register", json={"email": f"{person}@example.com", "password": password})
    assert response.status_code == 201, response.text
    user: dict[str, Any] = response.json()
    return user


async def log_in(client: Client, person: str, password: str = PASSWORD) -> dict[str, str]:
    response = await ask(client, grant_type="password", username=f"{person}@example.com", password=password)
    assert response.status_code == 200, response.text
    tokens: dict[str, str] = response.json()
    return tokens


async def refresh(client: Client, token: str) -> httpx2.Response:
    return await ask(client, grant_type="refresh_token", refresh_token=token)


async def ask(client: Client, **form: str) -> httpx2.Response:
    return await client.post("/auth/token", data=form)


async def delete_me(client: Client, password: str = PASSWORD) -> httpx2.Response:
    """Delete oneself; who has no account here needs no password, and may send one."""
    return await client.request("DELETE", "/auth/me", json={"password": password})
