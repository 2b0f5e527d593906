"""What routes say of themselves in the published description: their error responses and their headers."""

import inspect
from collections import defaultdict
from collections.abc import Sequence
from copy import deepcopy
from functools import cache
from typing import Annotated, Any

from pydantic import BaseModel, Field, create_model
from pydantic.json_schema import models_json_schema

from taskward import errors

# What an error response is called that can have one of several codes; else it has the name of the error. Clients
# that are made from the description import these names, so they stay when a code comes or goes.
NAMES = {
    frozenset({"VALIDATION_ERROR", "MALFORMED_JSON"}): "InvalidBodyError",
    frozenset({"TOKEN_MISSING", "TOKEN_EXPIRED", "TOKEN_INVALID"}): "TokenError",
    frozenset({"TOKEN_MISSING", "TOKEN_INVALID"}): "BearerError",
    frozenset({"FORBIDDEN", "SCOPE_MISSING"}): "ForbiddenError",
    frozenset({"FORBIDDEN", "SCOPE_MISSING", "QUOTA_EXCEEDED"}): "CreateForbiddenError",
    frozenset({"SCOPE_MISSING", "QUOTA_EXCEEDED"}): "CreateTokenForbiddenError",
    frozenset({"RATE_LIMITED", "TOO_MANY_WAITING"}): "TooManyRequestsError",
    frozenset({"DATABASE_UNAVAILABLE", "KEYS_UNAVAILABLE"}): "UnavailableError",
    frozenset({"DATABASE_UNAVAILABLE", "SERVER_BUSY"}): "LogInUnavailableError",
    frozenset({"TOKEN_MISSING", "TOKEN_EXPIRED", "TOKEN_INVALID", "CREDENTIALS_INVALID"}): "ProofError",
    frozenset({"DATABASE_UNAVAILABLE", "KEYS_UNAVAILABLE", "SERVER_BUSY"}): "ProofUnavailableError",
}


REF = "#/components/schemas/{model}"

_models: dict[str, type[BaseModel]] = {}


class ErrorBody(BaseModel):
    """What went wrong."""

    detail: str = Field(description="One sentence for a person.")
    code: str = Field(description="A constant for a program.")


class FieldError(BaseModel):
    """What is wrong with one field."""

    field: str
    message: str


class InvalidFields(ErrorBody):
    """What went wrong, field by field."""

    errors: list[FieldError]


class InvalidBody(ErrorBody):
    """What went wrong, field by field where the body could be read."""

    errors: Annotated[list[FieldError], Field(default_factory=list)]


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the documentation of error responses, with an example of each code, for a route's `responses`.

    500 is always among them, 429 wherever a client must prove who it is, and 403 where it does so by a token.
    """
    everything = (
        errors.ValidationFailedError([("title", "is missing")]),
        *([errors.MalformedBodyError()] if 415 in statuses else []),  # as they go with a body of JSON
        errors.TokenMissingError(""),
        errors.TokenExpiredError(""),
        errors.TokenInvalidError(""),
        *([errors.ForbiddenError()] if 403 in statuses else []),
        errors.ScopeMissingError(),
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
    documented = {*statuses, 500} | ({403, 429} if 401 in statuses else set())
    return responses_of(*(kind for kind in everything if kind.status in documented))


def responses_of(
    *examples: errors.ApiError, base: type[ErrorBody] | None = None
) -> dict[int | str, dict[str, Any]]:
    """Return the documentation of these error responses and no others, for a route's `responses`.

    `base` has the fields that they have besides those of every error.
    """
    by_status: dict[int, list[errors.ApiError]] = defaultdict(list)
    for example in examples:
        by_status[example.status].append(example)
    return {
        status: {
            "description": ", ".join(f"`{kind.code}`" for kind in kinds),
            "content": {
                "application/json": {
                    "schema": {"$ref": REF.format(model=_described(base, kinds))},
                    "examples": {kind.code: {"value": kind.body()} for kind in kinds},
                }
            },
        }
        for status, kinds in by_status.items()
    }


def error_schemas() -> dict[str, Any]:
    """Return the schemas that the documentation of error responses refers to, by name.

    FastAPI is given references and no models: of those it would make a validator for each route and status, which
    takes a tenth of a second of every start, and nobody ever validates what the service itself says.
    """
    models = [(model, "serialization") for model in _models.values()]
    definitions: dict[str, Any] = models_json_schema(models, ref_template=REF)[1]["$defs"]  # type: ignore[arg-type]
    return definitions


def _described(base: type[ErrorBody] | None, kinds: Sequence[errors.ApiError]) -> str:
    model = _model(base, tuple(type(kind) for kind in kinds))
    if _models.setdefault(model.__name__, model) is not model:
        raise AssertionError(f"two error responses are called {model.__name__}: give one a name in NAMES")
    return model.__name__


@cache
def _model(base: type[ErrorBody] | None, kinds: tuple[type[errors.ApiError], ...]) -> type[ErrorBody]:
    first, *others = kinds
    if first is errors.ValidationFailedError:
        base = InvalidBody if others else InvalidFields
    codes = [kind.code for kind in kinds]
    # An enumeration also where it has one value: every generator knows those.
    code = Annotated[str, Field(description="A constant for a program.", json_schema_extra={"enum": codes})]
    either = "Or".join(kind.__name__.removesuffix("Error") for kind in kinds) + "Error"
    return create_model(
        NAMES.get(frozenset(codes), either),
        __base__=base or ErrorBody,
        __doc__=inspect.getdoc(ErrorBody if others else first),
        code=code,
    )


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


def request_header(name: str, description: str, **schema: Any) -> dict[str, Any]:
    """Return the documentation of an optional header of a request, for a route's `openapi_extra`.

    There is no example: `/docs` would send it, and a request with a key of yesterday's or an old tag does nothing.
    """
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": description,
        "schema": {"type": "string", **schema},
    }


def behind(schema: dict[str, Any], prefix: str) -> dict[str, Any]:
    """Return the description as it is for clients who see the service under a prefix such as `/tw`."""
    if not prefix:
        return schema
    schema = {**deepcopy(schema), "servers": [{"url": prefix}]}
    for scheme in schema["components"]["securitySchemes"].values():
        for flow in scheme.get("flows", {}).values():
            flow.update({name: prefix + flow[name] for name in ("tokenUrl", "refreshUrl")})
    return schema
