"""Errors as responses: `{"detail": …, "code": …}`, always."""

import logging
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from taskward.api.paths import path_in_app
from taskward.api.responses import JsonResponse
from taskward.api.sentences import what_is_wrong
from taskward.errors import (
    ApiError,
    AuthenticationError,
    InternalError,
    MethodNotAllowedError,
    RouteNotFoundError,
    ValidationFailedError,
)

MAX_FIELD_NAME = 100
MAX_PROBLEMS = 20  # a response is not to be larger than what it answers
REFUSALS = (401, 403, 429)  # somebody may be trying to get in

logger = logging.getLogger(__name__)


class ErrorRenderer:
    """Makes a response of an error; in development a 401 says exactly what is wrong."""

    def __init__(self, *, development: bool) -> None:
        self._development = development

    def __call__(self, error: ApiError) -> Response:
        """Return the response that tells of `error`, and log it: refusals as warnings, the rest for debugging."""
        level = logging.WARNING if error.status in REFUSALS else logging.DEBUG
        logger.log(level, "%d %s: %s", error.status, error.code, error.logged)
        if self._development and isinstance(error, AuthenticationError):
            error.detail = error.reason
        return error_response(error)


def install_error_handlers(
    app: FastAPI, render: ErrorRenderer, *, methods_of: Callable[[str], Iterable[str]]
) -> None:
    """Make `app` answer every error by the contract; `methods_of` returns the methods of a path, for `Allow`."""

    async def on_api_error(_: Request, error: Exception) -> Response:
        assert isinstance(error, ApiError)
        return render(error)

    async def on_invalid_request(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return error_response(validation_failed(error.errors()))

    async def on_http_exception(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == 404:
            return error_response(RouteNotFoundError())
        if error.status_code == 405:
            return error_response(
                MethodNotAllowedError(headers={"Allow": ", ".join(methods_of(path_in_app(request.scope)))})
            )
        return error_response(InternalError())

    app.add_exception_handler(ApiError, on_api_error)
    app.add_exception_handler(RequestValidationError, on_invalid_request)
    app.add_exception_handler(HTTPException, on_http_exception)


def error_response(error: ApiError) -> Response:
    """Return the response that tells of `error`."""
    return JsonResponse(error.body(), error.status, error.headers)


def validation_failed(problems: Iterable[ErrorDetails | Any]) -> ValidationFailedError:
    """Turn pydantic's findings into the contract's; where, and what is wrong, but never the value."""
    told = islice(problems, MAX_PROBLEMS)
    return ValidationFailedError([(_field(problem["loc"]), what_is_wrong(problem)) for problem in told])


def invalid(where: str, error: ValidationError) -> ValidationFailedError:
    """Turn a model's findings on `where` (body, query) into the contract's."""
    problems = error.errors(include_url=False, include_input=False)
    return validation_failed({**problem, "loc": (where, *problem["loc"])} for problem in problems)


def _field(location: tuple[int | str, ...]) -> str:
    """Return the name of the field that the client knows; `body` when the body as a whole is meant."""
    inside = location[1:] if location[0] in ("body", "query", "path", "header") else location
    return ".".join(str(part) for part in inside)[:MAX_FIELD_NAME] or str(location[0])
