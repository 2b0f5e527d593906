"""The public keys of an identity provider: fetched, kept, refreshed. How, and why: decision 11."""

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Callable

from taskward.addresses import without_query
from taskward.auth.jwk import InvalidKeySetError, Key, read_key_set
from taskward.errors import KeysUnavailableError, TokenInvalidError
from taskward.proxies import BadProxyError, open_client
from taskward.settings import InvalidSettingsError

FETCH_SECONDS = 5
MAX_BYTES = 64 * 1024
MIN_PAUSE_SECONDS = 30  # between two fetches, whoever asks for them and however they end
MIN_PAUSE_WITHOUT_KEYS_SECONDS = 2  # the same while no key is known, and nobody can get in
REFRESH_SECONDS = 600
MAX_AGE_SECONDS = 24 * 60 * 60  # how long keys are trusted that cannot be fetched again

logger = logging.getLogger(__name__)


class ProviderKeys:
    """The keys at one address. `open()` keeps them fresh; without it they are fetched when they are missed."""

    def __init__(self, url: str, clock: Callable[[], float] = time.time, *, named: str = "JWT_JWKS_URL") -> None:
        """Take the address of a JWK Set, a clock of seconds since 1970, and what messages call the address.

        Raises InvalidSettingsError for a proxy in the environment that cannot be used.
        """
        import httpx2  # only here: it takes 1.5 MB of a worker, and most have no provider

        self.url = url
        self._named = named
        self.refused: list[str] = []
        self.problem: str | None = None
        self._clock = clock
        self._keys: list[Key] = []
        self._attempted = -math.inf
        self._fetching: asyncio.Task[None] | None = None
        self._refreshing: asyncio.Task[None] | None = None
        try:
            self._client = open_client(
                httpx2.AsyncClient,
                url,
                follow_redirects=False,
                timeout=FETCH_SECONDS,
                limits=httpx2.Limits(max_keepalive_connections=0),  # the next fetch is minutes away
                headers={"Accept": "application/jwk-set+json, application/json", "Accept-Encoding": "identity"},
            )
        except BadProxyError as error:
            raise InvalidSettingsError(str(error)) from None

    def open(self) -> None:
        """Fetch the keys, and again every 10 minutes, without making anybody wait."""
        self._refreshing = asyncio.create_task(self._keep_fresh())

    async def close(self) -> None:
        """Stop fetching."""
        for task in (self._refreshing, self._fetching):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        await self._client.aclose()

    @property
    def trusted(self) -> list[Key]:
        """The keys that tokens may be checked with now."""
        now = self._clock()
        return [key for key in self._keys if key.trusted_until > now]

    async def find(self, algorithm: str, kid: str | None) -> Key:
        """Return the one key that is called `kid` and does `algorithm`; without a `kid`, the one that does.

        A key that is not there is worth a fetch. Raises TokenInvalidError when there is none, or more than one,
        and KeysUnavailableError when there are no keys at all. While the key may just be too new, the error says
        after how long the next fetch can be.
        """
        if (key := self._known(algorithm, kid)) is not None:
            return key
        fetched = await self.refresh()
        if (key := self._known(algorithm, kid)) is not None:
            return key
        pause = math.ceil(self._pause_left())
        if not self.trusted:
            raise KeysUnavailableError(pause)
        raise TokenInvalidError(
            f"The token is signed with a key that is not at {self._named}. Was it made by another server?",
            retry_after=None if fetched else pause,
        )

    async def refresh(self) -> bool:
        """Fetch the keys, or wait for the fetch that is under way; return whether they are fresh now.

        Within 30 s of the last fetch, do nothing; while no key is known, within 2 s.
        """
        if self._fetching is None:
            if self._pause_left() > 0:
                return False
            self._attempted = self._clock()
            self._fetching = asyncio.create_task(self._fetch())
        await asyncio.shield(self._fetching)  # a client who goes away does not take the fetch along
        return self.problem is None

    def _known(self, algorithm: str, kid: str | None) -> Key | None:
        named = [key for key in self.trusted if kid is None or key.kid == kid]
        fitting = [key for key in named if key.algorithm == algorithm]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            lacking = "has no 'kid'" if kid is None else "has a 'kid' that several of them share"
            raise TokenInvalidError(
                f"The token {lacking}, and {len(fitting)} keys at {self._named} are for {algorithm}."
            )
        if named and kid is not None:
            raise TokenInvalidError(
                f"The token says {algorithm}, and the key with its 'kid' is for {named[0].algorithm} alone."
            )
        return None

    def _pause_left(self) -> float:
        since = abs(self._clock() - self._attempted)  # the clock may have been put back
        return max(0, (MIN_PAUSE_SECONDS if self.trusted else MIN_PAUSE_WITHOUT_KEYS_SECONDS) - since)

    async def _keep_fresh(self) -> None:
        while True:
            await self.refresh()
            await asyncio.sleep(REFRESH_SECONDS if self.problem is None else self._pause_left())

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                keys, refused = read_key_set(await self._download())
        except Exception as error:  # whatever a foreign response makes a library raise
            self._report(str(error) or type(error).__name__)
        else:
            self._take_over(keys, refused)
        finally:
            self._fetching = None

    def _report(self, problem: str) -> None:
        """Log a problem when it is new, for it may come every two seconds."""
        level = logging.DEBUG if problem == self.problem else logging.WARNING
        logger.log(level, "The keys at %s could not be fetched: %s", without_query(self.url), problem)
        self.problem = problem

    async def _download(self) -> bytes:
        async with self._client.stream("GET", self.url) as response:
            if response.status_code != 200:
                but = ", and redirects are not followed" if response.is_redirect else ""
                raise InvalidKeySetError(f"the response is {response.status_code}{but}")
            document = b""
            async for chunk in response.aiter_bytes():
                document += chunk
                if len(document) > MAX_BYTES:
                    raise InvalidKeySetError(f"the response is longer than {MAX_BYTES} bytes")
            return document

    def _take_over(self, published: list[Key], refused: list[str]) -> None:
        """Trust these keys and no others. A key that was known stays the same object, and so do its tokens."""
        keys = [next((old for old in self._keys if old.is_the_same_as(new)), new) for new in published]
        if keys != self._keys or refused != self.refused or self.problem is not None:
            why = "".join(f"; {reason}" for reason in refused)
            logger.info("%d keys from %s%s", len(keys), without_query(self.url), why)
        for key in self._keys:
            key.trusted_until = 0
        for key in keys:
            key.trusted_until = self._clock() + MAX_AGE_SECONDS
        self._keys, self.refused, self.problem = keys, refused, None
