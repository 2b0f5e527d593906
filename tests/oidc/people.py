"""People who log in at the provider, by the pages that it shows, and come back to the service."""

import re
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx2

from taskward.auth.log_in_codes import challenge_of
from tests.client import Client

VERIFIER = "the-verifier-of-a-page-is-43-characters-long"
CHALLENGE = challenge_of(VERIFIER)
ACTION = re.compile(r'<form[^>]* action="([^"]+)"')
PROMPT = re.compile(r'name="prompt" value="(\w+)"')
ABORT = re.compile(r'href="([^"]+/abort)"')


class AtProvider:
    """A browser at the provider, which keeps its cookies there."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._http = httpx2.Client(trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._http.close()

    def log_in(self, address: str, *, agree: bool = True) -> str:
        """Log in, agree or do not; return the address of the service to which the provider leads back."""
        provider = urlsplit(address).netloc
        response = self._http.get(address)
        while True:
            if (location := response.headers.get("location")) is not None:
                location = urljoin(str(response.url), location)
                if urlsplit(location).netloc != provider:
                    return location
                response = self._http.get(location)
                continue
            assert response.status_code == 200, response.text
            prompt = PROMPT.search(response.text)
            action, abort = ACTION.search(response.text), ABORT.search(response.text)
            assert prompt, response.text
            assert action, response.text
            assert abort, response.text
            if prompt[1] == "consent" and not agree:
                response = self._http.get(urljoin(str(response.url), abort[1]))
            else:
                form = {"prompt": prompt[1], "login": self.name, "password": "any"}
                response = self._http.post(urljoin(str(response.url), action[1]), data=form)


async def begin(client: Client, challenge: str = CHALLENGE, **query: str | int) -> str:
    """Begin a log-in in the browser of a client; return where it leads."""
    response = await client.get("/auth/oidc/login", params={"code_challenge": challenge, **query})
    assert response.status_code == 303, response.text
    return str(response.headers["location"])


async def come_back(client: Client, address: str) -> dict[str, str]:
    """Come back from the provider; return what the page, or a program, is told."""
    parts = urlsplit(address)
    response = await client.get(f"{parts.path}?{parts.query}")
    assert response.status_code == 303, response.text
    return told(response.headers["location"])


def told(address: str) -> dict[str, str]:
    parts = urlsplit(address)
    said = parse_qs(parts.fragment or parts.query, strict_parsing=True)
    return {name.removeprefix("log-in-"): values[0] for name, values in said.items()}


async def code_of(client: Client, name: str) -> str:
    """Log in, and return the code that the page gets."""
    with AtProvider(name) as browser:
        return (await come_back(client, browser.log_in(await begin(client))))["code"]


async def exchange(client: Client, code: str, verifier: str = VERIFIER) -> httpx2.Response:
    form = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier}
    return await client.post("/auth/token", data=form)
