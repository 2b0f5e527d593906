"""Bodies: bytes in, validated values out, in an order in which a stranger costs least.

A dependency and not a parameter of FastAPI's, which would read and parse the body before it asks who sent it,
and with a parser that takes repeated names, NaN and any encoding.
"""

from typing import Any

from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request

from taskward.errors import MalformedBodyError, UnsupportedMediaTypeError
from taskward.http.errors import invalid
from taskward.strict_json import MalformedJsonError, decode


class JsonBody:
    """The dependency that reads a body of one type. Routes use it as `Annotated[T, Depends(JsonBody(T))]`."""

    def __init__(self, kind: Any, *, optional: bool = False) -> None:
        """Take a pydantic model or TypedDict; `optional` makes no body at all mean None."""
        self.adapter: TypeAdapter[Any] = TypeAdapter(kind)
        self.optional = optional

    async def __call__(self, request: Request) -> Any:
        """Return the validated body.

        Raises UnsupportedMediaTypeError, MalformedBodyError, ValidationFailedError, and BodyTooLargeError from
        the limit on `receive`.
        """
        if self.optional and not _has_body(request):
            return None
        if not _is_plain_json(request):
            raise UnsupportedMediaTypeError
        data = await request.body()
        if self.optional and not data:
            return None
        try:
            return self.adapter.validate_python(decode(data))
        except MalformedJsonError as error:
            raise MalformedBodyError(f"The body is not valid JSON: {error}.") from None
        except ValidationError as error:
            raise invalid("body", error) from None


def _has_body(request: Request) -> bool:
    return request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers


def _is_plain_json(request: Request) -> bool:
    media_type, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.replace(" ", "").replace('"', "").lower()
    return (
        media_type.strip().lower() == "application/json"
        and charset in ("", "charset=utf-8")
        and request.headers.get("content-encoding", "identity").lower() == "identity"
    )
