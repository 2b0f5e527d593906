"""The published description of the API: what FastAPI derives, and what it cannot know."""

from collections import defaultdict
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import RouteContext, iter_route_contexts
from pydantic import BaseModel, Field
from starlette.routing import compile_path

from taskward import errors
from taskward.api.bodies import FormBody, JsonBody
from taskward.api.parameters import path_parameter
from taskward.api.query import QueryParameters

LOG_IN = "LogIn"
REF = "#/components/schemas/{model}"


class ErrorBody(BaseModel):
    """What went wrong."""

    detail: str = Field(description="One sentence for a person.")
    code: str = Field(description="A constant for a program.")


class FieldError(BaseModel):
    """What is wrong with one field."""

    field: str
    message: str


class ValidationErrorBody(ErrorBody):
    """What went wrong, field by field where the request could be read."""

    errors: list[FieldError] | None = None


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the documentation of error responses, with an example of each code, for a route's `responses`.

    500 is always among them, and 429 wherever a client must prove who it is.
    """
    everything = (
        errors.ValidationFailedError([("title", "Field required")]),
        errors.MalformedBodyError(),
        errors.TokenMissingError(""),
        errors.TokenExpiredError(""),
        errors.TokenInvalidError(""),
        errors.ForbiddenError(),
        errors.TaskNotFoundError(),
        errors.IdempotencyInProgressError(),
        errors.IdempotencyKeyReusedError(),
        errors.BodyTooLargeError(),
        errors.UnsupportedMediaTypeError(),
        errors.RateLimitedError(1),
        errors.InternalError(),
        errors.DatabaseUnavailableError(),
        errors.KeysUnavailableError(),
    )
    documented = {*statuses, 500} | ({429} if 401 in statuses else set())
    return responses_of(*(kind for kind in everything if kind.status in documented))


def responses_of(*examples: errors.ApiError) -> dict[int | str, dict[str, Any]]:
    """Return the documentation of these error responses and no others, for a route's `responses`."""
    by_status: dict[int, dict[str, Any]] = defaultdict(dict)
    for example in examples:
        by_status[example.status][example.code] = {"value": example.body()}
    return {
        status: {
            "model": ValidationErrorBody if status == 400 else ErrorBody,
            "description": ", ".join(f"`{code}`" for code in by_code),
            "content": {"application/json": {"examples": by_code}},
        }
        for status, by_code in by_status.items()
    }


def with_headers(status: int, **headers: str) -> dict[int | str, dict[str, Any]]:
    """Return the documentation of a response's headers, each with its description, for a route's `responses`."""
    return {
        status: {
            "headers": {
                name.replace("_", "-"): {"description": description, "schema": {"type": "string"}}
                for name, description in headers.items()
            }
        }
    }


def request_header(name: str, description: str, example: str, **schema: Any) -> dict[str, Any]:
    """Return the documentation of an optional header of a request, for a route's `openapi_extra`."""
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": description,
        "schema": {"type": "string", **schema},
        "example": example,
    }


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
