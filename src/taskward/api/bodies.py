"""Bodies: bytes in, validated values out, in an order in which a stranger costs least.

A dependency and not a parameter of FastAPI's, which would read and parse the body before it asks who sent it,
and with a parser that takes repeated names, NaN and any encoding.
"""

from collections import Counter
from collections.abc import Collection
from typing import Any
from urllib.parse import parse_qsl

from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.requests import Request

from taskward.api.errors import invalid
from taskward.api.sentences import REPEATED
from taskward.errors import (
    BodyTooLargeError,
    MalformedBodyError,
    UnsupportedMediaTypeError,
    ValidationFailedError,
)
from taskward.strict_json import MalformedJsonError, decode

MAX_BODY_BYTES = 64 * 1024  # unless a route takes more
MAX_FIELDS = 50


class JsonBody:
    """The dependency that reads a body of one type. Routes use it as `Annotated[T, Depends(JsonBody(T))]`."""

    media_type = "application/json"

    def __init__(self, kind: Any, *, optional: bool = False, max_bytes: int = MAX_BODY_BYTES) -> None:
        """Take a pydantic model or TypedDict; `optional` makes no body at all mean None."""
        self.adapter: TypeAdapter[Any] = TypeAdapter(kind)
        self.optional = optional
        self._max_bytes = max_bytes

    async def __call__(self, request: Request) -> Any:
        """Return the validated body.

        Raises UnsupportedMediaTypeError, BodyTooLargeError, MalformedBodyError, ValidationFailedError.
        """
        if self.optional and not _has_body(request):
            return None
        if not _is_plain(request, self.media_type):
            raise UnsupportedMediaTypeError
        data = await _read(request, self._max_bytes)
        if self.optional and not data:
            return None
        try:
            decode(data)  # refuses what pydantic's parser takes: repeated names, NaN, any depth
            # From JSON, so that strict types take what JSON has no type for: dates, times, UUIDs, enums.
            return self.adapter.validate_json(data)
        except MalformedJsonError as error:
            raise MalformedBodyError(f"The body is not valid JSON: {error}.") from None
        except ValidationError as error:
            raise invalid("body", error) from None


async def json_bytes(request: Request, max_bytes: int = MAX_BODY_BYTES) -> bytes:
    """Return a body that is declared as JSON, unread; raise UnsupportedMediaTypeError and BodyTooLargeError."""
    if not _is_plain(request, JsonBody.media_type):
        raise UnsupportedMediaTypeError
    return await _read(request, max_bytes)


class FormBody:
    """The dependency that reads a form, as OAuth 2.0 has it (RFC 6749, 3.2), in the place of `JsonBody`."""

    media_type = "application/x-www-form-urlencoded"
    optional = False

    def __init__(self, kind: type[BaseModel]) -> None:
        """Take a pydantic model, all of whose fields are text."""
        self.adapter: TypeAdapter[Any] = TypeAdapter(kind)
        self._known = frozenset(kind.model_fields)

    async def __call__(self, request: Request) -> Any:
        """Return the validated form; a field without a value is as good as none.

        Raises UnsupportedMediaTypeError, BodyTooLargeError, ValidationFailedError.
        """
        if not _is_plain(request, self.media_type):
            raise UnsupportedMediaTypeError(f"The body must be sent as {self.media_type}, not compressed.")
        try:
            return self.adapter.validate_python(_fields(await _read(request), self._known))
        except ValidationError as error:
            raise invalid("body", error) from None


async def end_of_body(request: Request) -> None:
    """Wait until a request is there whole that needs no body; raise BodyTooLargeError.

    Whoever is told that it was broken takes it for not done.
    """
    if _has_body(request):
        await _read(request)


async def _read(request: Request, max_bytes: int = MAX_BODY_BYTES) -> bytes:
    """Return the body, once; raise BodyTooLargeError instead of reading on without end, and ClientDisconnect.

    The limit is the reader's: whoever listens for the end of a client receives what nobody reads as well, and
    server/protocol.py has a limit for all that is sent.
    """
    if not _declares_at_most(request, max_bytes):
        raise BodyTooLargeError(max_bytes)
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > max_bytes:
            raise BodyTooLargeError(max_bytes)
    return bytes(data)


def _declares_at_most(request: Request, most: int) -> bool:
    # Zeros in front are allowed, and int() refuses what has more than 4,300 digits.
    declared = request.headers.get("content-length", "").lstrip("0")[:20] or "0"
    return declared.isdecimal() and int(declared) <= most


def _fields(data: bytes, known: Collection[str]) -> dict[str, str]:
    """Return the fields that are known; others are ignored, however often they come (RFC 6749, 3.2)."""
    try:
        pairs = parse_qsl(data.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError:
        raise ValidationFailedError(
            [("body", f"must be a form in UTF-8 of at most {MAX_FIELDS} fields")]
        ) from None
    times = Counter(name for name, _ in pairs if name in known)
    if repeated := [name for name, count in times.items() if count > 1]:
        raise ValidationFailedError([(name, REPEATED) for name in repeated])
    return {name: value for name, value in pairs if value and name in known}


def _has_body(request: Request) -> bool:
    return request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers


def _is_plain(request: Request, wanted: str) -> bool:
    media_type, _, parameters = request.headers.get("content-type", "").partition(";")
    encodings = ",".join(request.headers.getlist("content-encoding")) or "identity"
    charset = parameters.replace(" ", "").replace('"', "").lower()
    return (
        media_type.strip().lower() == wanted
        and charset in ("", "charset=utf-8")
        and encodings.lower() == "identity"
    )
