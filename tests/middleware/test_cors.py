from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from taskward.app import create_app
from taskward.settings import Settings
from tests.client import Client, connect
from tests.conftest import SECRET
from tests.middleware.every_response import every_response

pytestmark = pytest.mark.quick

OURS = "https://app.example.com"
THEIRS = ["https://evil.example", "http://app.example.com", "https://app.example.com.evil.example", "null",
          "https://app.example.com:8443", "https://APP.example.com", "https://app.example.com/", "*"]  # fmt: skip
USED = {"authorization", "content-type", "idempotency-key", "if-match", "if-none-match", "x-request-id",
        "traceparent", "tracestate", "baggage", "sentry-trace"}  # fmt: skip
READ = {"etag", "location", "link", "retry-after", "ratelimit", "ratelimit-policy", "x-request-id",
        "idempotency-replayed"}  # fmt: skip


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"allowed_origins": (OURS, "http://localhost:3000")})


def offline_with(*origins: str, auth_rate_limit: str = "20/minute") -> FastAPI:
    values: dict[str, Any] = {
        "DATABASE_URL": "postgresql://127.0.0.1:1/nothing",
        "JWT_SECRET_KEY": SECRET,
        "AUTH_RATE_LIMIT": auth_rate_limit,
    }
    return create_app(Settings(**values | ({"ALLOWED_ORIGINS": ",".join(origins)} if origins else {})))


def listed(value: str) -> set[str]:
    return {name.strip().lower() for name in value.split(",")}


def preflight(origin: str, method: str = "POST") -> dict[str, str]:
    return {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": ", ".join(sorted(USED)),
    }


def cors_headers(headers: object) -> set[str]:
    return {name for name in headers if name.startswith("access-control-")}  # type: ignore[attr-defined]


async def test_every_route_and_method_can_be_asked_for_without_a_token() -> None:
    app = offline_with(OURS)
    async with connect(app) as browser:
        for route in iter_route_contexts(app.routes):
            for method in route.methods or ():
                response = await browser.options(route.path or "/", headers=preflight(OURS, method))
                assert (response.status_code, response.content) == (204, b""), route.path
                assert response.headers["access-control-allow-origin"] == OURS
                assert method.lower() in listed(response.headers["access-control-allow-methods"])
                assert listed(response.headers["access-control-allow-headers"]) >= USED
                assert int(response.headers["access-control-max-age"]) > 0
                assert "origin" in listed(response.headers["vary"])
                assert response.headers["access-control-allow-credentials"] == "true"


@pytest.mark.parametrize("origin", THEIRS)
async def test_pages_of_other_origins_get_nothing(origin: str) -> None:
    async with connect(offline_with(OURS)) as browser:
        for response in (
            await browser.options("/tasks", headers=preflight(origin)),
            await browser.get("/health/live", headers={"Origin": origin}),
        ):
            assert cors_headers(response.headers) == set()
            assert "origin" in listed(response.headers["vary"]), "a cache may hold it for who is allowed"
        assert (await browser.options("/tasks", headers=preflight(origin))).status_code == 405


async def test_without_the_setting_there_is_no_header() -> None:
    async with connect(offline_with()) as browser:
        response = await browser.get("/health/live", headers={"Origin": OURS})
        assert cors_headers(response.headers) == set()
        assert "vary" not in response.headers
        assert (await browser.options("/tasks", headers=preflight(OURS))).status_code == 405


async def test_any_origin_is_told_so_without_naming_it() -> None:
    async with connect(offline_with("*")) as browser:
        for headers in ({}, {"Origin": "https://anybody.example"}):
            response = await browser.get("/health/live", headers=headers)
            assert response.headers["access-control-allow-origin"] == "*"
            assert "access-control-allow-credentials" not in response.headers
            assert "vary" not in response.headers
        assert (await browser.options("/tasks", headers=preflight("https://anybody.example"))).status_code == 204


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://pr-12.example.app", True),
        ("https://a_b.example.app", True),
        ("https://xn--bcher-kva.example.app", True),
        ("https://example.app", False),
        ("https://.example.app", False),
        ("https://a.b.example.app", False),
        ("https://*.example.app", False),
        ("http://pr-12.example.app", False),
        ("https://pr-12.example.app:8443", False),
        ("https://pr-12.example.app.evil.example", False),
        ("https://evil.example/.example.app", False),
        ("https://evil.example@pr.example.app", False),
        ("https://PR-12.example.app", False),
        ("https://a\tb.example.app", False),
        ("null", False),
    ],
)
async def test_one_label_may_be_any_and_then_there_are_no_credentials(origin: str, allowed: bool) -> None:
    async with connect(offline_with(OURS, "https://*.example.app")) as browser:
        for response in (
            await browser.options("/tasks", headers=preflight(origin)),
            await browser.get("/health/live", headers={"Origin": origin}),
        ):
            assert response.headers.get("access-control-allow-origin") == (origin if allowed else None)
            assert "access-control-allow-credentials" not in response.headers
            assert "origin" in listed(response.headers["vary"])
        response = await browser.get("/health/live", headers={"Origin": OURS})
        assert response.headers["access-control-allow-credentials"] == "true"


@pytest.mark.parametrize("allowed", [(), (OURS,)])
async def test_a_refused_preflight_names_the_origin_in_the_log_once(
    allowed: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    async with connect(offline_with(*allowed)) as browser:
        for _ in range(3):
            await browser.options("/tasks", headers=preflight("https://new.example.com"))
        await browser.options("/tasks", headers={"Origin": "https://no.preflight.example"})
        hostile = {**preflight("https://x"), "Origin": "https://x] [ERROR] [\x1b[31m" + "y" * 500}
        await browser.options("/tasks", headers=hostile)
        for number in range(200):
            await browser.options("/tasks", headers=preflight(f"https://{number}.example"))
    lines = [line for name, _, line in caplog.record_tuples if name == "taskward.middleware.cors"]
    assert lines[0] == (
        "a page of https://new.example.com was refused. If it is yours, add its origin to ALLOWED_ORIGINS"
    )
    assert "https://x???ERROR?????31myyyy" in lines[1]
    assert len(lines[1]) < 300
    assert len(lines) == 100, "of the origins that strangers make up, no more in an hour"


async def test_a_plain_options_request_is_no_preflight() -> None:
    async with connect(offline_with(OURS)) as browser:
        assert (await browser.options("/tasks", headers={"Origin": OURS})).status_code == 405
        assert (await browser.options("/tasks")).status_code == 405


async def test_every_kind_of_response_can_be_read_by_an_allowed_page(
    app: FastAPI, alice: Client, anonymous: Client, take_database_away: Callable[[], None]
) -> None:
    response = await alice.get("/tasks", headers={"Origin": OURS})
    assert listed(response.headers["vary"]) == {"origin", "authorization"}

    def check(response: httpx2.Response) -> None:
        assert response.headers.get_list("access-control-allow-origin") == [OURS]
        assert listed(response.headers["access-control-expose-headers"]) >= READ
        assert "origin" in listed(response.headers["vary"])

    await every_response(app, alice, anonymous, take_database_away, {"Origin": OURS}, check)


async def test_a_refusal_by_a_limit_can_be_read_by_an_allowed_page() -> None:
    async with connect(offline_with(OURS, auth_rate_limit="1/minute")) as browser:
        await browser.get("/tasks", headers={"Origin": OURS})
        response = await browser.get("/tasks", headers={"Origin": OURS})
        assert (response.status_code, response.headers["access-control-allow-origin"]) == (429, OURS)
        assert (await browser.options("/tasks", headers=preflight(OURS))).status_code == 204, "it costs nothing"
