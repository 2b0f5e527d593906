"""Behind a proxy that shows the service under a path: page, documentation and addresses in responses."""

from collections.abc import Iterator
from urllib.parse import urljoin

import httpx2
import pytest
from playwright.async_api import Browser, expect

from taskward.auth.issue import issue_token
from taskward.settings import Settings
from tests.conftest import SECRET
from tests.prefix_proxy import shown_under
from tests.web.conftest import served
from tests.web.people import visiting
from tests.web.programs import register
from tests.web.test_documentation import log_in, try_out
from tests.web.test_offline import kept

PREFIX = "/tw"


@pytest.fixture(params=["a proxy that says so", "ROOT_PATH"])
def service(request: pytest.FixtureRequest, settings: Settings) -> Iterator[str]:
    """The address of the service as browsers see it."""
    told = request.param != "ROOT_PATH"
    own = {"DATABASE_URL": settings.database_url, "JWT_SECRET_KEY": SECRET}
    own |= {"TRUSTED_PROXIES": "127.0.0.1"} if told else {"ROOT_PATH": PREFIX}
    with served(Settings.model_validate(own)) as url, shown_under(PREFIX, url, told=told) as shown:
        yield shown


def test_the_addresses_in_responses_lead_back_through_the_proxy(service: str) -> None:
    headers = {"Authorization": f"Bearer {issue_token('alice', SECRET.encode(), 'HS256', 300)}"}
    with httpx2.Client(headers=headers) as alice:
        for path in ("/tasks", "/api/alice/tasks"):
            created = alice.post(f"{service}{path}", json={"title": "Buy milk"})
            location = created.headers["location"]
            assert location == f"{PREFIX}{path}/{created.json()['id']}"
            assert alice.get(urljoin(service, location)).json() == created.json()
        page = alice.get(f"{service}/tasks?limit=1")
        following = alice.get(urljoin(service, page.links["next"]["url"]))
        assert page.links["next"]["url"].startswith(f"{PREFIX}/tasks?")
        assert following.json()["tasks"] != page.json()["tasks"]
        assert alice.post(f"{service}/health").headers["allow"] == "GET, HEAD"
        assert alice.get(f"{service}/docs/assets/swagger-ui.css").status_code == 200
        assert alice.post(f"{service}/docs/assets/swagger-ui.css").headers["allow"] == "GET, HEAD"
        assert alice.get(f"{service}/nothing").json()["code"] == "NOT_FOUND"
        described = alice.get(f"{service}/openapi.json").json()
    assert described["servers"] == [{"url": PREFIX}]
    assert described["components"]["securitySchemes"]["LogIn"]["flows"]["password"]["tokenUrl"] == "/tw/auth/token"


async def test_the_page_works_and_keeps_what_it_keeps_under_a_name_of_its_own(
    browser: Browser, service: str
) -> None:
    async with visiting(browser, f"{service}/") as alice:
        await alice.sign_up()
        await alice.add("Buy milk")
        await alice.edit("Buy milk", description="Two litres")
        await alice.everything_saved()
        await alice.new_title.fill("Half a thought")
        await alice.page.reload()
        await expect(alice.titles).to_have_text(["Buy milk"])
        await expect(alice.new_title).to_have_value("Half a thought")
        kept = (await alice.stored())["session"]
        assert {name.split(".")[0] for name in kept} == {"taskward/tw"}
        other = await alice.another_tab()
        await other.page.get_by_role("button", name="Sign out").click()
        await expect(alice.page.get_by_role("heading", name="Sign in")).to_be_visible()


async def test_the_service_worker_takes_care_of_this_service_alone(browser: Browser, service: str) -> None:
    async with visiting(browser, f"{service}/") as alice:
        found = await kept(alice.page)
        assert found.keys() >= {f"{service}/"}
        assert all(address.startswith(f"{service}/") for address in found)
        assert {name.split()[2] for name, _ in found.values()} == {f"{service}/"}
        assert (
            await alice.page.evaluate("navigator.serviceWorker.ready.then(({ scope }) => scope)") == f"{service}/"
        )
        link = await alice.page.evaluate(
            "fetch(document.querySelector('[rel=manifest]').href).then((response) => response.json())"
            ".then(({ start_url }) => new URL(start_url, document.querySelector('[rel=manifest]').href).href)"
        )
        assert link == f"{service}/"


async def test_the_documentation_can_be_tried_out(browser: Browser, service: str) -> None:
    register(service)
    async with visiting(browser, f"{service}/docs") as alice:
        await log_in(alice.page)
        async with alice.page.expect_response(f"{service}/tasks*") as response:
            await try_out(alice.page, "list_tasks")
        assert (await response.value).status == 200
    page = await browser.new_page()
    await page.goto(f"{service}/redoc")
    await expect(page.get_by_role("heading", name="List tasks").first).to_be_visible()
    await page.close()
