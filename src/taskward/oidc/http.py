"""Requests to the provider: for seconds at most, of some KiB at most, and never to where an answer redirects."""

import asyncio
from typing import Any

from taskward.oidc.errors import LogInFailedError, Problem
from taskward.proxies import BadProxyError, open_client
from taskward.settings import InvalidSettingsError
from taskward.strict_json import MalformedJsonError, decode

SECONDS = 5
MAX_BYTES = 64 * 1024
HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity"}


class ProviderHttp:
    """An HTTP client for one provider."""

    def __init__(self, url: str) -> None:
        """Take an address of the provider. Raises InvalidSettingsError for a proxy that cannot be used."""
        import httpx2  # only here: it takes 1.5 MB of a worker, and most have no provider

        self._errors = httpx2.HTTPError, httpx2.InvalidURL
        try:
            self._client = open_client(
                httpx2.AsyncClient,
                url,
                follow_redirects=False,
                timeout=SECONDS,
                limits=httpx2.Limits(max_keepalive_connections=0),
                headers=HEADERS,
            )
        except BadProxyError as error:
            raise InvalidSettingsError(str(error)) from None

    async def close(self) -> None:
        """Close the client."""
        await self._client.aclose()

    async def json(self, method: str, url: str, **options: Any) -> tuple[int, dict[str, Any]]:
        """Return status and JSON object of a response.

        Raises LogInFailedError: away (no response in 5 s, or 5xx), or refused (a redirect, more than 64 KiB, or
        something else than a JSON object without repeated names).
        """
        try:
            async with asyncio.timeout(SECONDS):
                status, document = await self._download(method, url, options)
        except TimeoutError:
            raise LogInFailedError(Problem.AWAY, f"no response in {SECONDS} s") from None
        except self._errors as error:
            raise LogInFailedError(Problem.AWAY, str(error) or type(error).__name__) from None
        try:
            value = decode(document, most=len(document))
        except MalformedJsonError as error:
            raise LogInFailedError(
                Problem.REFUSED, f"the response ({status}) is not valid JSON: {error}"
            ) from None
        if not isinstance(value, dict):
            raise LogInFailedError(Problem.REFUSED, f"the response ({status}) is no JSON object")
        return status, value

    async def _download(self, method: str, url: str, options: dict[str, Any]) -> tuple[int, bytes]:
        async with self._client.stream(method, url, **options) as response:
            status = response.status_code
            if status >= 500:
                raise LogInFailedError(Problem.AWAY, f"the response is {status}")
            if 300 <= status < 400:
                raise LogInFailedError(
                    Problem.REFUSED, f"the response is {status}, and redirects are not followed"
                )
            document = b""
            async for chunk in response.aiter_bytes():
                document += chunk
                if len(document) > MAX_BYTES:
                    raise LogInFailedError(Problem.REFUSED, f"the response is longer than {MAX_BYTES} bytes")
            return status, document
