"""A client that holds every response it gets against the published OpenAPI document."""

from typing import Any

import httpx2
import jsonschema_rs
from fastapi import FastAPI
from fastapi.routing import RouteContext, iter_route_contexts

from taskward.auth.issue import issue_token
from tests.openapi_snapshot import operation_of


class Client(httpx2.AsyncClient):
    """One user's client of an application in this process; `user_id` is None for anonymous."""

    user_id: str | None


def connect(app: FastAPI, user_id: str | None = None, secret: str = "") -> Client:
    """Return a client for `user_id`, to be used as an async context manager."""

    async def hold_against_the_schema(response: httpx2.Response) -> None:
        await response.aread()
        check_response(openapi_of(app), response)

    client = Client(
        transport=httpx2.ASGITransport(app, raise_app_exceptions=False),
        base_url="http://taskward.test",
        event_hooks={"response": [hold_against_the_schema]},
    )
    client.user_id = user_id
    if user_id is not None:
        client.headers["Authorization"] = f"Bearer {issue_token(user_id, secret.encode(), 'HS256', 300)}"
    return client


_documents: dict[str, dict[str, Any]] = {}


def openapi_of(app: FastAPI) -> dict[str, Any]:
    """Return the application's document; the same for all that have the same routes, and slow to make."""
    contexts = iter_route_contexts(app.routes)
    routes = repr([(route.path, route.methods, _statuses(route)) for route in contexts])
    if routes not in _documents:
        _documents[routes] = app.openapi()
    return _documents[routes]


def _statuses(route: RouteContext) -> list[str]:
    return sorted(map(str, getattr(route.original_route, "responses", ())))


def check_response(openapi: dict[str, Any], response: httpx2.Response) -> None:
    """Fail unless the response has a request id and, on a documented route, a documented status and body."""
    assert response.headers["x-request-id"]
    method = "GET" if response.request.method == "HEAD" else response.request.method
    operation = operation_of(openapi, method, response.request.url.path.removesuffix("/") or "/")
    if operation is None:
        return
    documented = operation["responses"].get(str(response.status_code))
    assert documented is not None, f"{response.status_code} of {method} {response.url} is not documented"
    content = documented.get("content")
    if content is None or response.request.method == "HEAD":
        assert response.content == b""
        return
    if "application/json" not in content:
        assert response.headers["content-type"].split(";")[0] in content
        return
    schema = {**content["application/json"]["schema"], "components": openapi["components"]}
    jsonschema_rs.validator_for(schema).validate(response.json())
