"""Query strings: strict, and read once for all clients that ask the same.

A dependency and not FastAPI's own query model, which takes the last of repeated parameters and builds the model
anew for each request. A frozen model can be shared, so it is cached by the string.
"""

from collections import Counter
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request

from taskward.api.errors import MAX_FIELD_NAME, invalid
from taskward.api.openapi import responses_of
from taskward.api.sentences import REPEATED, UNKNOWN
from taskward.errors import ValidationFailedError

MAX_PARAMETERS = 50
CACHED = 1024
MAX_CACHED_LENGTH = 200  # cursors and nonsense are longer, and would only push the others out


class QueryParameters:
    """The dependency that reads the query. Routes use it as `Annotated[T, Depends(QueryParameters(T))]`."""

    def __init__(self, kind: type[BaseModel]) -> None:
        """Take a pydantic model that is frozen and forbids what it does not know."""
        self.kind = kind
        self._cached = lru_cache(CACHED)(self._read)

    async def __call__(self, request: Request) -> Any:
        """Return the validated query; raise ValidationFailedError."""
        query: bytes = request.scope["query_string"]
        return self._cached(query) if len(query) <= MAX_CACHED_LENGTH else self._read(query)

    def openapi_parameters(self) -> list[dict[str, Any]]:
        """Return the documentation of each parameter."""
        properties = self.kind.model_json_schema()["properties"]
        return [
            {
                "name": name,
                "in": "query",
                "required": False,
                "description": schema.pop("description"),
                "schema": schema,
            }
            for name, schema in properties.items()
        ]

    def _read(self, query: bytes) -> BaseModel:
        try:
            pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
        except ValueError:
            raise ValidationFailedError([("query", f"At most {MAX_PARAMETERS} parameters are read")]) from None
        times = Counter(name for name, _ in pairs)
        if repeated := [name for name, count in times.items() if count > 1]:
            raise ValidationFailedError([(name[:MAX_FIELD_NAME], REPEATED) for name in repeated])
        try:
            return self.kind.model_validate(dict(pairs))
        except ValidationError as error:
            raise invalid("query", error) from None


class _NoParameters(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


# For operations without parameters, all of which have it (server/fast_routes.py): a filter that is spelt wrong, or
# for another operation, must not look as if it had been understood.
NO_PARAMETERS = QueryParameters(_NoParameters)
UNKNOWN_PARAMETER = responses_of(ValidationFailedError([("verbose", UNKNOWN)]))
