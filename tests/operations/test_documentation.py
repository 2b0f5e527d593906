"""The documentation pages need nothing but the service."""

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import fastapi_offline
import pytest
from fastapi import FastAPI

import taskward
from taskward.settings import Settings
from taskward.web.routes import FILES
from tests.client import Client, connect
from tests.conftest import SECRET

pytestmark = pytest.mark.quick

PAGES = ["/docs", "/redoc"]


class References(HTMLParser):
    """Collects every address that a page makes a browser fetch."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, _: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [
            value for name, value in attrs if value and name in ("src", "href", "spec-url", "srcset", "data")
        ]


@pytest.mark.parametrize("page", PAGES)
async def test_a_page_and_all_it_refers_to_come_from_the_service(offline: FastAPI, page: str) -> None:
    async with connect(offline) as anonymous:
        response = await anonymous.get(page)
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/html; charset=utf-8"
        assert "//" not in re.sub(r"(?m)^\s*//.*$", "", response.text), "the address of another host"
        references = References(response.text).found
        assert len(references) >= 2
        for reference in {*references, "openapi.json"}:
            assert not reference.startswith("/"), "a proxy may show the page elsewhere"
            fetched = await anonymous.get(f"/{reference}")
            assert fetched.status_code == 200
            assert fetched.content
        assert re.search(r"""['"]openapi\.json['"]""", response.text)


@pytest.mark.parametrize("page", PAGES)
async def test_the_assets_are_those_of_the_installed_package(offline: FastAPI, page: str) -> None:
    installed = Path(fastapi_offline.__file__).parent / "static"
    async with connect(offline) as anonymous:
        for reference in References((await anonymous.get(page)).text).found:
            if reference.startswith("docs/assets/"):
                assert (await anonymous.get(f"/{reference}")).content == (
                    installed / Path(reference).name
                ).read_bytes()


def test_no_asset_is_copied_into_the_package() -> None:
    package = Path(taskward.__file__).parent
    assets = {path for path in package.rglob("*") if path.suffix in (".js", ".css", ".png", ".html")}
    assert assets <= set(FILES.iterdir()), "only the page has files of its own"


async def test_the_published_document_is_the_applications(offline: FastAPI) -> None:
    async with connect(offline) as anonymous:
        response = await anonymous.get("/openapi.json")
    assert response.headers["content-type"] == "application/json"
    assert response.json() == offline.openapi()


async def test_a_forged_host_is_not_repeated(offline: FastAPI) -> None:
    async with connect(offline) as anonymous:
        for page in (*PAGES, "/openapi.json", "/nothing", "/tasks/"):
            response = await anonymous.get(
                page, headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
            )
            assert "evil.example" not in response.text + str(response.headers)


@pytest.mark.parametrize("path", PAGES)
async def test_the_viewers_can_fetch_nothing_from_another_host(anonymous: Client, path: str) -> None:
    policy = (await anonymous.get(path)).headers["content-security-policy"]
    assert policy.startswith("default-src 'none';")
    assert "http" not in policy
    assert "*" not in policy


@pytest.mark.parametrize("path", PAGES)
async def test_no_script_is_allowed_but_files_and_what_is_in_the_page(anonymous: Client, path: str) -> None:
    page = await anonymous.get(path)
    policy = dict(part.strip().split(" ", 1) for part in page.headers["content-security-policy"].split(";"))
    inline = re.findall(r"<script>(.*?)</script>", page.text, re.DOTALL)
    hashes = [f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" for script in inline]
    assert policy["script-src"].split() == ["'self'", *hashes]
    assert len(inline) == page.text.count("<script") - page.text.count("<script src=")
    assert page.headers["cross-origin-opener-policy"] == "same-origin"


class TestWithoutDocumentation:
    @pytest.fixture
    def settings(self, database_url: str) -> Settings:
        return Settings(DATABASE_URL=database_url, JWT_SECRET_KEY=SECRET, API_DOCS=False)

    async def test_nothing_is_there(self, anonymous: Client) -> None:
        for path in (*PAGES, "/openapi.json", "/docs/assets/swagger-ui.css"):
            response = await anonymous.get(path)
            assert (response.status_code, response.json()["code"]) == (404, "NOT_FOUND")
