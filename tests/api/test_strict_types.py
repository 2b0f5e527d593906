"""Which values of a body are taken for which type: what JSON can say, and nothing that only looks like it."""

from datetime import date, datetime, time
from enum import Enum
from typing import Any, Literal
from uuid import UUID

import pytest
from pydantic import BaseModel
from starlette.requests import Request
from starlette.types import Message

from taskward.api.bodies import JsonBody
from taskward.errors import MalformedBodyError, ValidationFailedError
from taskward.field_types import STRICT

pytestmark = pytest.mark.quick


class Color(Enum):
    RED = "red"


class Everything(BaseModel):
    model_config = STRICT

    day: date = date.min
    clock: time = time.min
    instant: datetime | None = None
    name: UUID = UUID(int=0)
    color: Color = Color.RED
    size: Literal["small", "large"] = "small"
    days: list[list[date]] = []
    flag: bool = False
    number: int = 0
    text: str = ""


async def read(body: str) -> Any:
    async def receive() -> Message:
        return {"type": "http.request", "body": body.encode(), "more_body": False}

    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    request = Request({"type": "http", "method": "POST", "path": "/", "headers": headers}, receive)
    return await JsonBody(Everything)(request)


TAKEN = {
    "day": ('"2026-11-27"', date(2026, 11, 27)),
    "clock": ('"18:00"', time(18)),
    "instant": ('"2026-11-27T18:00:00"', datetime(2026, 11, 27, 18)),  # noqa: DTZ001
    "name": ('"00000000-0000-0000-0000-000000000001"', UUID(int=1)),
    "color": ('"red"', Color.RED),
    "size": ('"large"', "large"),
    "days": ('[["2026-11-27"], []]', [[date(2026, 11, 27)], []]),
    "flag": ("true", True),
    "number": ("7", 7),
    "text": ('"7"', "7"),
}


@pytest.mark.parametrize("field", Everything.model_fields)
async def test_a_value_as_json_writes_it_is_taken(field: str) -> None:
    written, value = TAKEN[field]
    assert getattr(await read(f'{{"{field}": {written}}}'), field) == value


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("day", "20261127"), ("day", '"27.11.2026"'), ("day", '"2026-11-27T18:00:00"'), ("clock", "64800"),
        ("instant", "0"), ("name", "1"), ("name", '"x"'), ("color", '"RED"'), ("color", "0"), ("size", '"medium"'),
        ("days", '["2026-11-27"]'), ("days", "{}"), ("flag", "1"), ("flag", '"true"'), ("number", "true"),
        ("number", '"7"'), ("number", "7.0"), ("text", "7"), ("text", "null"),
    ],
)  # fmt: skip
async def test_a_value_of_another_kind_is_refused_with_the_name_of_its_field(field: str, value: str) -> None:
    with pytest.raises(ValidationFailedError) as refusal:
        await read(f'{{"{field}": {value}}}')
    assert all(name.split(".")[0] == field for name, _ in refusal.value.errors)


@pytest.mark.parametrize(
    "body",
    [
        '{"text": "a", "text": "b"}', '{"number": NaN}', '{"text": "\\ud800"}', "\ufeff{}", '{"text": "a",}',
        '{"days": ' + "[" * 40 + "]" * 40 + "}",
    ],
)  # fmt: skip
async def test_what_parsers_disagree_about_is_no_json(body: str) -> None:
    with pytest.raises(MalformedBodyError):
        await read(body)
