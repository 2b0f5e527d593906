import re
from collections.abc import Callable

import httpx2
import pytest
from fastapi import FastAPI

from tests.client import Client, connect
from tests.middleware.every_response import every_response

OURS = re.compile(r"[0-9a-f]{16}")
HARMLESS = ["1", "x" * 128, "5f0c1b9e-3d27-4a6e-9f51-0c7a2e8b4d16", "a.b_c-D"]
HARMFUL = [
    "", " ", "x" * 129, "a b", "a,b", "é", "<script>", "a\r\nSet-Cookie: x=1", "a\nb", "a\n", "\0", "a/b",
    "%0a", "{}",
]  # fmt: skip


@pytest.mark.parametrize("request_id", HARMLESS)
async def test_a_harmless_id_is_the_answers_id(offline: FastAPI, request_id: str) -> None:
    async with connect(offline) as anonymous:
        response = await anonymous.get("/health/live", headers={"X-Request-ID": request_id})
        assert response.headers.get_list("x-request-id") == [request_id]


@pytest.mark.parametrize("request_id", HARMFUL)
async def test_any_other_id_is_replaced(offline: FastAPI, request_id: str) -> None:
    async with connect(offline) as anonymous:
        response = await anonymous.get("/health/live", headers={b"X-Request-ID": request_id.encode()})
        (found,) = response.headers.get_list("x-request-id")
        assert OURS.fullmatch(found)
        assert "set-cookie" not in response.headers


async def test_every_request_has_an_id_of_its_own(offline: FastAPI) -> None:
    async with connect(offline) as anonymous:
        ids = [(await anonymous.get("/health/live")).headers["x-request-id"] for _ in range(100)]
    assert len(set(ids)) == 100


async def test_every_kind_of_response_has_the_id(
    app: FastAPI, alice: Client, anonymous: Client, take_database_away: Callable[[], None]
) -> None:
    def check(response: httpx2.Response) -> None:
        assert response.headers.get_list("x-request-id") == ["mine"]

    await every_response(app, alice, anonymous, take_database_away, {"X-Request-ID": "mine"}, check)
