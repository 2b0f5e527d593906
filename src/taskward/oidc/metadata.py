"""What a provider says of itself (OpenID Connect Discovery 1.0), and which of it is believed."""

import asyncio
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from taskward.loopback import is_loopback
from taskward.oidc.errors import LogInFailedError, Problem
from taskward.oidc.http import ProviderHttp
from taskward.settings.value_types import key_set_url

FRESH_SECONDS = 600
MAX_AGE_SECONDS = 24 * 60 * 60  # how long what is known serves while the provider does not say it again
WELL_KNOWN = "/.well-known/openid-configuration"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Metadata:
    """Where a provider's endpoints are, whether the client's secret is sent in the body, and it says who it is."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    secret_in_body: bool
    names_itself: bool  # in each response (RFC 9207, 3)


class Discovery:
    """The metadata of one provider, asked for when they are missed."""

    def __init__(self, issuer: str, http: ProviderHttp, clock: Callable[[], float] = time.time) -> None:
        """Take the issuer, the client to ask it with, and a clock of seconds since 1970."""
        self._issuer = issuer
        self._http = http
        self._clock = clock
        self._known: Metadata | None = None
        self._since = -math.inf
        self._asking: asyncio.Task[Metadata] | None = None

    async def metadata(self) -> Metadata:
        """Return the metadata, at most 10 minutes old; while the provider is away, at most a day.

        Raises LogInFailedError.
        """
        age = abs(self._clock() - self._since)  # the clock may have been put back
        if self._known is not None and age < FRESH_SECONDS:
            return self._known
        try:
            return await self._ask_once()
        except LogInFailedError as error:
            if self._known is None or age > MAX_AGE_SECONDS or error.problem is not Problem.AWAY:
                raise
            logger.warning("OIDC_ISSUER does not answer, so what it said before serves: %s", error.reason)
            return self._known

    async def _ask_once(self) -> Metadata:
        """Ask, or wait for the one who asks already; who goes away does not take the request along."""
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())
            self._asking.add_done_callback(self._asked)
        return await asyncio.shield(self._asking)

    def _asked(self, task: asyncio.Task[Metadata]) -> None:
        self._asking = None
        if not task.cancelled():
            task.exception()  # looked at, though everybody who asked may be gone

    async def _ask(self) -> Metadata:
        status, document = await self._http.json("GET", self._issuer.rstrip("/") + WELL_KNOWN)
        if status != 200:
            raise LogInFailedError(Problem.REFUSED, f"the response of discovery is {status}")
        self._known, self._since = read_metadata(document, self._issuer), self._clock()
        return self._known


def read_metadata(document: dict[str, Any], issuer: str) -> Metadata:
    """Return what is needed of a discovery document; raise LogInFailedError.

    Its `issuer` must be the one that was asked, exactly (Discovery, 4.3). Where this service sends the secret and
    takes keys from is reached as the issuer is: by the same scheme, and on this machine only where that is.
    """
    if document.get("issuer") != issuer:
        raise LogInFailedError(Problem.REFUSED, "the discovery document is another issuer's than OIDC_ISSUER")
    methods = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    return Metadata(
        _endpoint(document, "authorization_endpoint"),
        _near(_endpoint(document, "token_endpoint"), issuer),
        _near(_endpoint(document, "jwks_uri"), issuer),
        isinstance(methods, list) and "client_secret_post" in methods,
        document.get("authorization_response_iss_parameter_supported") is True,
    )


def _endpoint(document: dict[str, Any], name: str) -> str:
    try:
        return key_set_url(document[name])
    except (KeyError, ValueError, AttributeError):
        raise LogInFailedError(Problem.REFUSED, f"the discovery document has no usable {name}") from None


def _near(endpoint: str, issuer: str) -> str:
    here, there = urlsplit(issuer), urlsplit(endpoint)
    if here.scheme != there.scheme or is_loopback(here.hostname or "") != is_loopback(there.hostname or ""):
        raise LogInFailedError(
            Problem.REFUSED, "an endpoint is not reached as OIDC_ISSUER is: https or this machine"
        )
    return endpoint
