"""What an assistant's connector does that knows an address and nothing else: it finds out who gives tokens.

A real Better Auth with its OAuth provider, the official client, and a person who agrees in a browser.
"""

import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import jwt
import pytest
import uvicorn
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken

from mcp import Client
from taskward.app import create_app
from taskward.settings import Settings
from tests.better_auth.node import NodeServer
from tests.better_auth.people import Person, bearer
from tests.mcp.packages import PACKAGES, packages

CALLBACK = "http://127.0.0.1:1/callback"


@dataclass
class Here:
    """Taskward, and the provider that it believes."""

    url: str
    provider: NodeServer

    @property
    def issuer(self) -> str:
        return f"{self.provider.url}/api/auth"


@pytest.fixture
def here(database_url: str, tmp_path: Path) -> Iterator[Here]:
    (tmp_path / "node_modules").symlink_to(packages())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with NodeServer(tmp_path, PACKAGES / "oauth_server.mjs", {"resource": f"{url}/mcp"}) as provider:
            here = Here(url, provider)
            httpx2.get(f"{here.issuer}/jwks").raise_for_status()  # it makes its key when it is first asked
            settings = Settings(
                DATABASE_URL=database_url,
                PUBLIC_URL=url,
                JWT_ISSUER=here.issuer,
                JWT_JWKS_URL=f"{here.issuer}/jwks",
                JWT_AUDIENCE=provider.url,
            )
            server = uvicorn.Server(
                uvicorn.Config(create_app(settings), lifespan="on", ws="none", log_config=None)
            )
            thread = threading.Thread(target=server.run, args=([listener],))
            thread.start()
            try:
                yield here
            finally:
                server.should_exit = True
                thread.join()


@dataclass
class Connector:
    """An assistant's: it keeps what it gets, and sends its user's browser where it is told."""

    browser: Person
    resource: str
    agreed: str | None = None  # scopes, where not all that are asked for
    asked: list[str] = field(default_factory=list)
    tokens: OAuthToken | None = None
    client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info

    async def redirect(self, url: str) -> None:
        """The user's browser is at the provider, where the user agrees, and is sent back with a code."""
        self.asked.append(url)
        consent = self.browser.get(url)
        query = urlsplit(consent.headers["location"]).query
        answer = {"accept": True, "oauth_query": query, **({"scope": self.agreed} if self.agreed else {})}
        self.agreed = None
        agreed = self.browser.post("/api/auth/oauth2/consent", json=answer)
        self.back = parse_qs(urlsplit(agreed.raise_for_status().json()["url"]).query)

    async def callback(self) -> AuthorizationCodeResult:
        code, state, issuer = (self.back.get(name, [None])[0] for name in ("code", "state", "iss"))
        assert code is not None
        return AuthorizationCodeResult(code=code, state=state, iss=issuer)

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Client]:
        metadata = OAuthClientMetadata(
            client_name="A connector", redirect_uris=[CALLBACK], application_type="native",
            token_endpoint_auth_method="none",
        )  # fmt: skip
        auth = OAuthClientProvider(
            self.resource, metadata, self, redirect_handler=self.redirect, callback_handler=self.callback
        )
        async with (
            httpx2.AsyncClient(auth=auth, follow_redirects=True) as http,
            Client(streamable_http_client(self.resource, http_client=http)) as client,
        ):
            yield client


async def test_a_connector_finds_its_way_from_the_address_alone(here: Here) -> None:
    with Person(here.provider.url, "alice") as alice:
        connector = Connector(alice, f"{here.url}/mcp")
        async with connector.connected() as client:
            added = await client.call_tool("add_tasks", {"tasks": [{"title": "Buy milk"}]})
            assert not added.is_error
            found = await client.call_tool("find_tasks", {})
            assert found.structured_content is not None
            assert found.structured_content["tasks"] == added.structured_content["tasks"]
        (asked,) = connector.asked
        said = parse_qs(urlsplit(asked).query)
        assert said["resource"] == [f"{here.url}/mcp"]
        assert said["code_challenge_method"] == ["S256"]
        assert {"tasks:read", "tasks:write"} <= set(said["scope"][0].split())
        check_token(here, connector, alice)


def check_token(here: Here, connector: Connector, alice: Person) -> None:
    """The token is alice's, for the resource, and good for nothing else."""
    assert connector.tokens is not None
    token = connector.tokens.access_token
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    assert (claims["sub"], claims["iss"]) == (alice.user_id, here.issuer)
    assert f"{here.url}/mcp" in claims["aud"]
    with httpx2.Client(base_url=here.url, headers=bearer(token)) as agent:
        for method, path in (("GET", "/tasks"), ("POST", "/tasks"), ("GET", "/auth/tokens"), ("GET", "/auth/me")):
            refused = agent.request(method, path)
            assert (refused.status_code, refused.json()["code"]) == (401, "TOKEN_INVALID"), path
    with httpx2.Client(base_url=here.url, headers=bearer(alice.token())) as browser:
        titles = [task["title"] for task in browser.get("/tasks").json()["tasks"]]
        assert titles == ["Buy milk"]


async def test_a_user_who_agreed_to_reading_alone_is_asked_again_before_anything_is_written(here: Here) -> None:
    with Person(here.provider.url, "alice") as alice:
        connector = Connector(alice, f"{here.url}/mcp", agreed="tasks:read")
        async with connector.connected() as client:
            found = await client.call_tool("find_tasks", {})
            assert found.structured_content == {"tasks": [], "count": 0}
            assert len(connector.asked) == 1
            added = await client.call_tool("add_tasks", {"tasks": [{"title": "Buy milk"}]})
            assert not added.is_error
        first, second = (parse_qs(urlsplit(asked).query) for asked in connector.asked)
        assert "tasks:write" in second["scope"][0]
        assert second["resource"] == first["resource"]
