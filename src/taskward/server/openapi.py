"""The published description of the API: what FastAPI derives, and what it cannot know."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import RouteContext, iter_route_contexts
from starlette.routing import compile_path

from taskward.api.bodies import FormBody, JsonBody
from taskward.api.parameters import path_parameter
from taskward.api.query import QueryParameters

LOG_IN = "LogIn"
REF = "#/components/schemas/{model}"


def install_openapi(app: FastAPI, *, token_path: str | None) -> None:
    """Make `app.openapi()` describe bodies, the user in the path, stable operation ids, and where to log in.

    `token_path` is the path of OAuth 2.0's password flow, or None where nobody can log in here.
    """

    def openapi() -> dict[str, Any]:
        if not app.openapi_schema:
            app.openapi_schema = _described(app, token_path)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way


def _described(app: FastAPI, token_path: str | None) -> dict[str, Any]:
    schema = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
        tags=app.openapi_tags,
        servers=[{"url": "/"}],
    )
    for route in iter_route_contexts(app.routes):
        for method in route.methods or ():
            operation = schema["paths"].get(route.path, {}).get(method.lower())
            if operation:
                _complete(operation, route, schema["components"]["schemas"])
                if token_path and "security" in operation:
                    operation["security"].append({LOG_IN: []})  # either is enough
    if token_path:
        flow = {"tokenUrl": token_path, "refreshUrl": token_path, "scopes": {}}
        schema["components"]["securitySchemes"][LOG_IN] = {
            "type": "oauth2",
            "description": "Log in with an account of this service: the user name is the e-mail address.",
            "flows": {"password": flow},
        }
    for unused in ("HTTPValidationError", "ValidationError"):
        schema["components"]["schemas"].pop(unused, None)
    return schema


def _complete(operation: dict[str, Any], route: RouteContext, schemas: dict[str, Any]) -> None:
    path = route.path or ""
    operation["operationId"] = f"{path.split('/')[1]}_{route.name}" if "{user_id}" in path else route.name
    if operation["responses"].get("422", {}).get("description") == "Validation Error":
        del operation["responses"]["422"]  # FastAPI's own form of it; here it is 400
    declared = {parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "path"}
    named = [path_parameter(name) for name in compile_path(path)[2] if name not in declared]
    if named:
        operation["parameters"] = [*named, *operation.get("parameters", [])]
    for dependency in route.dependant.dependencies:
        if isinstance(query := dependency.call, QueryParameters):
            operation.setdefault("parameters", []).extend(query.openapi_parameters())
        if isinstance(body := dependency.call, JsonBody | FormBody):
            operation["requestBody"] = {
                "required": not body.optional,
                "content": {body.media_type: {"schema": _schema_of(body, schemas)}},
            }


def _schema_of(body: JsonBody | FormBody, schemas: dict[str, Any]) -> dict[str, Any]:
    schema = body.adapter.json_schema(ref_template=REF)
    schemas.update(schema.pop("$defs", {}))
    if "title" not in schema:  # a reference, or a type without a name: a list, a choice
        return schema
    schemas[schema["title"]] = schema
    return {"$ref": REF.format(model=schema["title"])}
