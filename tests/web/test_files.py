"""How the page is served, asked without a browser."""

import re
from urllib.parse import urljoin

import pytest
from fastapi import FastAPI

from taskward.app import create_app
from taskward.settings import Settings
from taskward.web.routes import FILES, TYPES
from tests.accounts.mailing import with_mail
from tests.client import Client, connect
from tests.conftest import SECRET

pytestmark = pytest.mark.quick

ASKED_ABOUT = {"/", "/service-worker.js"}
MOST_BYTES = 90_000  # as they are transferred: compressed
# Of the document; of a module, or of the manifest; of the service worker, which is beside the document.
REFERENCE = re.compile(
    r'(?:src|href)="(page/[^"]+)"|(?:from "\./|import\("\./|"src": ")([\w-]+\.(?:js|svg))"'
    r'|URL\("(service-worker\.js)"'
)


async def everything(client: Client) -> dict[str, bytes]:
    """Return what a browser fetches for the page, by address."""
    found = {"/": (await client.get("/")).content}
    waiting = ["/"]
    while waiting:
        folder = waiting[-1].rpartition("/")[0]
        for address, neighbour, worker in REFERENCE.findall(found[waiting.pop()].decode()):
            path = f"/{address or worker}" if address or worker else f"{folder}/{neighbour}"
            if path not in found:
                response = await client.get(path)
                assert response.status_code == 200
                found[path] = response.content
                waiting.append(path)
    return found


async def test_all_of_it_is_light_and_every_file_is_used(anonymous: Client) -> None:
    found = await everything(anonymous)
    transferred = [int((await anonymous.get(path)).headers["content-length"]) for path in found]
    assert sum(transferred) < MOST_BYTES
    names = {path.name for path in FILES.iterdir()}
    assert {path.rpartition("/")[2] or "index.html" for path in found} == names


async def test_the_document_is_asked_about_and_its_files_are_kept_for_good(anonymous: Client) -> None:
    for path, media_type in {"/": "text/html", "/service-worker.js": "text/javascript"}.items():
        document = await anonymous.get(path)
        assert document.headers["cache-control"] == "no-cache"
        assert document.headers["content-type"] == f"{media_type}; charset=utf-8"
        unchanged = await anonymous.get(path, headers={"If-None-Match": document.headers["etag"]})
        assert (unchanged.status_code, unchanged.content) == (304, b"")
        assert unchanged.headers["etag"] == document.headers["etag"]
    for path in (await everything(anonymous)).keys() - ASKED_ABOUT:
        file = await anonymous.get(path)
        assert "immutable" in file.headers["cache-control"]
        assert file.headers["content-type"].split(";")[0] == TYPES[path[path.rindex(".") :]]


@pytest.mark.parametrize(
    ("asked", "coding"),
    [("gzip", "gzip"), ("br, GZIP;q=0.5", "gzip"), ("gzip;q=0", None), ("gzip; q=0.0, br", None), ("xgzip", None),
     ("", None), ("identity", None)],
)  # fmt: skip
async def test_what_is_compressed_is_what_the_client_takes(
    anonymous: Client, asked: str, coding: str | None
) -> None:
    for path in await everything(anonymous):
        expected = await anonymous.get(path, headers={"Accept-Encoding": "identity"})
        response = await anonymous.get(path, headers={"Accept-Encoding": asked})
        assert response.headers.get("content-encoding") == coding
        assert response.headers["vary"] == "Accept-Encoding"
        assert response.content == expected.content
        assert (response.headers.get("etag") == expected.headers.get("etag")) is (
            coding is None or path not in ASKED_ABOUT
        )


@pytest.mark.parametrize(
    "wrong", ["main.js.bak", "index.html", "service-worker.js", "..", "%2e%2e%2froutes.py", "routes.py", ""]
)
async def test_nothing_else_is_there(anonymous: Client, wrong: str) -> None:
    folder = next(path for path in await everything(anonymous) if path != "/").rpartition("/")[0]
    for path in (f"{folder}/{wrong}", "/page/0123456789abcdef/main.js"):
        response = await anonymous.get(path)
        assert (response.status_code, response.json()["code"]) == (404, "NOT_FOUND")


async def test_the_policy_allows_nothing_but_its_own_files(anonymous: Client) -> None:
    for path, content in (await everything(anonymous)).items():
        headers = (await anonymous.get(path)).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; ")
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        text = content.decode().replace('xmlns="http://www.w3.org/2000/svg"', "")
        assert "//" not in re.sub(r"(?m)^\s*//.*$|\s// .*$", "", text), f"the address of another host in {path}"
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|style=|\son\w+=", text), path


async def test_the_manifest_leads_to_the_page_and_its_icons(anonymous: Client) -> None:
    (path,) = [path for path in await everything(anonymous) if path.endswith(".webmanifest")]
    manifest = (await anonymous.get(path)).json()
    assert {urljoin(path, manifest[name]) for name in ("start_url", "scope")} == {"/"}
    assert manifest["display"] == "standalone"
    assert {icon["purpose"] for icon in manifest["icons"]} == {"any", "maskable"}
    for icon in manifest["icons"]:
        assert (await anonymous.get(urljoin(path, icon["src"]))).headers["content-type"] == icon["type"]


async def test_the_service_worker_keeps_all_files_of_the_page_and_nothing_else(anonymous: Client) -> None:
    worker = (await anonymous.get("/service-worker.js")).text
    kept = re.search(r'"(page/[^"]+ [^"]+)"', worker)
    assert kept
    assert {f"/{path}" for path in kept[1].split()} == (await everything(anonymous)).keys() - ASKED_ABOUT


async def test_the_page_says_whether_people_sign_in_here(anonymous: Client) -> None:
    assert 'data-accounts="true" data-mail="false"' in (await anonymous.get("/")).text


class TestWithMail:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return with_mail(settings)

    async def test_other_settings_are_another_service_worker(self, anonymous: Client, settings: Settings) -> None:
        """Their document is another one, which the browser is to keep in place of this."""
        without = settings.model_copy(update={"smtp_url": None})
        async with connect(create_app(without)) as other:
            assert (await other.get("/service-worker.js")).text != (await anonymous.get("/service-worker.js")).text

    async def test_the_page_says_that_mail_is_sent(self, anonymous: Client) -> None:
        assert 'data-accounts="true" data-mail="true"' in (await anonymous.get("/")).text


class TestWithoutAccounts:
    @pytest.fixture
    def settings(self, database_url: str) -> Settings:
        return Settings(DATABASE_URL=database_url, JWT_SECRET_KEY=SECRET, LOCAL_ACCOUNTS=False)

    async def test_the_page_says_that_people_bring_a_token(self, anonymous: Client) -> None:
        assert 'data-accounts="false"' in (await anonymous.get("/")).text


class TestWithoutThePage:
    @pytest.fixture
    def settings(self, database_url: str) -> Settings:
        return Settings(DATABASE_URL=database_url, JWT_SECRET_KEY=SECRET, WEB_PAGE=False)

    async def test_nothing_is_there(self, app: FastAPI) -> None:
        async with connect(app) as anonymous:
            for path in ("/", "/page/x/main.js"):
                response = await anonymous.get(path)
                assert (response.status_code, response.json()["code"]) == (404, "NOT_FOUND")
