"""The published description of the API: what FastAPI derives, and what it cannot know."""

import json
import re
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import WithDefaultSchema
from starlette.routing import compile_path

from taskward.api.bodies import FormBody, JsonBody
from taskward.api.openapi import REF, error_schemas
from taskward.api.parameters import path_parameter
from taskward.api.query import QueryParameters

LOG_IN = "LogIn"
NULL = {"type": "null"}


class WithoutDefaults(GenerateJsonSchema):
    """Says nothing of defaults in bodies: generators take a field that has one for a field that must be there."""

    def default_schema(self, schema: WithDefaultSchema) -> JsonSchemaValue:
        """Return the schema of the field itself."""
        return self.generate_inner(schema["schema"])


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
    schemas = schema["components"]["schemas"]
    _add_error_schemas(schema["paths"], schemas)
    aliases: dict[str, str] = {}
    for route, canonical in _with_canonical_paths(app):
        for method in route.methods or ():
            operation = schema["paths"].get(route.path, {}).get(method.lower())
            if operation:
                _complete(operation, route, schemas)
                if canonical:
                    aliases |= _mark_as_alias(operation, route, canonical)
                if token_path and "security" in operation:
                    operation["security"].append({LOG_IN: []})  # either is enough
    _describe_tags(schema, aliases)
    if token_path:
        flow = {"tokenUrl": token_path, "refreshUrl": token_path, "scopes": {}}
        schema["components"]["securitySchemes"][LOG_IN] = {
            "type": "oauth2",
            "description": "Log in with an account of this service: the user name is the e-mail address.",
            "flows": {"password": flow},
        }
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schema["components"]["schemas"] = dict(sorted(schemas.items()))
    return schema


def _add_error_schemas(described: Any, schemas: dict[str, Any]) -> None:
    """Add the schemas that are referred to and that FastAPI does not know, and what these refer to."""
    missing = set(re.findall(REF.format(model=r"(\w+)"), json.dumps(described))) - schemas.keys()
    if missing:
        known = error_schemas()
        added = {name: known[name] for name in missing}
        schemas |= added
        _add_error_schemas(added, schemas)


def _with_canonical_paths(app: FastAPI) -> Iterator[tuple[RouteContext, str | None]]:
    """Yield every route, and the path that it was first given where this is another one."""
    first: dict[int, str] = {}
    for route in iter_route_contexts(app.routes):
        path = first.setdefault(id(route.original_route), route.path or "")
        yield route, path if path != route.path else None


def _complete(operation: dict[str, Any], route: RouteContext, schemas: dict[str, Any]) -> None:
    operation["operationId"] = route.name
    if operation["responses"].get("422", {}).get("description") == "Validation Error":
        del operation["responses"]["422"]  # FastAPI's own form of it; here it is 400
    declared = {parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "path"}
    named = [path_parameter(name) for name in compile_path(route.path or "")[2] if name not in declared]
    if named:
        operation["parameters"] = [*named, *operation.get("parameters", [])]
    for dependency in route.dependant.dependencies:
        if isinstance(query := dependency.call, QueryParameters):
            operation.setdefault("parameters", []).extend(map(_said, query.openapi_parameters()))
        if isinstance(body := dependency.call, JsonBody | FormBody):
            operation["requestBody"] = {
                "required": not body.optional,
                "content": {body.media_type: {"schema": _schema_of(body, schemas)}},
            }


def _said(parameter: dict[str, Any]) -> dict[str, Any]:
    """Return a parameter as it can be sent: a query has no null, and what is so anyhow is said in words."""
    schema, description = parameter["schema"], parameter["description"]
    if (default := schema.pop("default", None)) is not None:
        description = f"{description} `{default}` unless given."
    for kind in schema.pop("anyOf", []):
        schema |= {} if kind == NULL else kind
    return parameter | {"description": description, "schema": schema}


def _schema_of(body: JsonBody | FormBody, schemas: dict[str, Any]) -> dict[str, Any]:
    schema = body.adapter.json_schema(ref_template=REF, schema_generator=WithoutDefaults)
    schemas.update(schema.pop("$defs", {}))
    if "title" not in schema:  # a reference, or a type without a name: a list, a choice
        return schema
    schemas[schema["title"]] = schema
    return {"$ref": REF.format(model=schema["title"])}


def _mark_as_alias(operation: dict[str, Any], route: RouteContext, canonical: str) -> dict[str, str]:
    """Give a route's second path names of its own; return its tag, with a description."""
    assert isinstance(route.original_route, APIRoute)
    own = route.original_route.path
    prefix, first = ((path or "").removesuffix(own) for path in (route.path, canonical))
    # The last part of a prefix names the thing, and so does the operation.
    operation["operationId"] = "_".join([*re.findall(r"\w+", prefix)[:-1], operation["operationId"]])
    operation["summary"] += f" (as `{first}`)"
    operation["tags"] = [f"{tag} at {prefix}" for tag in operation["tags"]]
    return dict.fromkeys(operation["tags"], f"The same operations as at `{first}`, which new clients use.")


def _describe_tags(schema: dict[str, Any], aliases: dict[str, str]) -> None:
    """Put the aliases behind everything else, where viewers look for the order."""
    used = dict.fromkeys(
        tag for path in schema["paths"].values() for each in path.values() for tag in each.get("tags", ())
    )
    schema["tags"] = [
        *({"name": tag} for tag in used if tag not in aliases),
        *({"name": tag, "description": said} for tag, said in aliases.items()),
    ]
