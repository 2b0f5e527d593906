"""What routes say of themselves in the published description: their error responses and their headers."""

from collections import defaultdict
from copy import deepcopy
from typing import Any

from pydantic import BaseModel, Field

from taskward import errors


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


def behind(schema: dict[str, Any], prefix: str) -> dict[str, Any]:
    """Return the description as it is for clients who see the service under a prefix such as `/tw`."""
    if not prefix:
        return schema
    schema = {**deepcopy(schema), "servers": [{"url": prefix}]}
    for scheme in schema["components"]["securitySchemes"].values():
        for flow in scheme.get("flows", {}).values():
            flow.update({name: prefix + flow[name] for name in ("tokenUrl", "refreshUrl")})
    return schema
