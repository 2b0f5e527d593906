"""Who may ask how often: an address for failures and log-ins, a user for everything else."""

import math
import time
from collections.abc import Callable
from hashlib import sha256

from starlette.requests import Request
from starlette.types import Scope

from taskward.errors import RateLimitedError, ServerBusyError
from taskward.rate_limits.client_address import ClientAddress
from taskward.rate_limits.concurrency import Concurrency
from taskward.rate_limits.shared_store import SharedStore, StoreUnavailableError
from taskward.rate_limits.windows import Counters, LocalCounters, SharedCounters, Window
from taskward.settings import Settings
from taskward.settings.value_types import amount_and_seconds

Headers = list[tuple[bytes, bytes]]

MAILS = "5/hour"  # of one kind to one address, whoever asks for them
NOT_COUNTED = "Nobody can log in at this moment. Please try again."
PROOFS = "1 per 10 minutes"  # who registers logs in at once, and needs no second one


class Limit:
    """So many events in a window, for each key; told as draft-ietf-httpapi-ratelimit-headers has it."""

    def __init__(self, name: str, rate: str, store: SharedStore | None, refused: Callable[[str], None]) -> None:
        """Take a name of its own, a rate such as `20/minute`, where to count, and whom to tell of refusals."""
        self._quota, seconds = amount_and_seconds(rate)
        self._name = name
        self._refused = refused
        self._policy = f'"{name}";q={self._quota};w={seconds}'
        self._raw_policy = (b"ratelimit-policy", self._policy.encode())
        self._counters: Counters = (
            SharedCounters(store, name, self._quota, seconds) if store else LocalCounters(seconds)
        )

    async def spend(self, key: str, *, together: bool = False) -> Window:
        """Count one for `key`; raise RateLimitedError where that is one too many.

        Raises StoreUnavailableError where it must be counted `together` with others and cannot.
        """
        window = await self._counters.count(key, together=together)
        if window.count > self._quota:
            self._refuse(window)
        return window

    def headers(self, window: Window) -> Headers:
        """Return what a response tells of the limit."""
        return [self._raw_policy, (b"ratelimit", self._state(window).encode())]

    def _refuse(self, window: Window) -> None:
        """Every refusal of every limit is made here."""
        self._refused(self._name)
        headers = {"RateLimit-Policy": self._policy, "RateLimit": self._state(window)}
        raise RateLimitedError(_seconds_left(window) or 1, headers)

    def _state(self, window: Window) -> str:
        left = max(0, self._quota - window.count)
        seconds = _seconds_left(window)
        return f'"{self._name}";r={left}' if seconds is None else f'"{self._name}";r={left};t={seconds}'


class RateLimits:
    """The limits of a service, and where it counts."""

    def __init__(self, settings: Settings, refused: Callable[[str], None] = lambda _: None) -> None:
        """Take the rates, the store and the proxies, and what counts refusals by the name of the limit.

        Raises InvalidSettingsError where the store cannot be used.
        """
        url = settings.rate_limit_storage_url
        self._store = SharedStore(url.get_secret_value()) if url else None
        self._address = ClientAddress(settings.trusted_proxies, settings.client_address_header)
        self._users = Limit("default", settings.rate_limit, self._store, refused)
        self._failures = Limit("failures", settings.auth_rate_limit, self._store, refused)
        self._log_ins = Limit("log-in", settings.auth_rate_limit, self._store, refused)
        self._accounts = Limit("account", settings.auth_rate_limit, self._store, refused)
        self._at_once = Concurrency("concurrent", settings.max_concurrent_requests, refused)
        self._anonymous_at_once = Concurrency("anonymous", settings.max_concurrent_requests, refused)
        self._devices = Limit("device", settings.auth_rate_limit, self._store, refused)
        self._device_log_ins = Limit("device-log-in", settings.auth_rate_limit, self._store, refused)
        self._mails = Limit("mail", MAILS, self._store, refused)
        self._proofs = Limit("proof-mail", PROOFS, self._store, refused)
        self._refreshes = Limit("refresh", settings.rate_limit, self._store, refused)

    def address_of(self, request: Request) -> str:
        """Return what a request is counted for: of IPv4 the address, of IPv6 the network of 64 bits."""
        return self._address.of(request.scope)

    def look_at_address(self, request: Request) -> None:
        """Have the log tell of a proxy that is not trusted, before anybody is kept out for it."""
        self._address.of(request.scope)

    async def after_failure(self, request: Request) -> None:
        """Count that an address could not prove who it is; raise RateLimitedError where that is one too many.

        This comes after a token was looked at and never before: what others of an address did says nothing of a
        token that verifies. So a limit spares no work, it keeps whoever guesses from learning what came of it.
        """
        await self._failures.spend(self._address.of(request.scope))

    async def after_verification(self, user_id: str) -> Headers:
        """Count a request of a verified user, and return what its response says is left; raise RateLimitedError.

        Nothing that is not verified gets here: else anybody could fill the memory, or use up what is alice's.
        """
        return self._users.headers(await self._users.spend(user_id))

    def begin(self, own: str) -> Callable[[], None]:
        """Count a request that is being answered, and return what ends it; raise RateLimitedError.

        `own` is what others have no part in: a verified user, the family of a refresh token, a known device.
        """
        return self._at_once.begin(own)

    def begin_anonymous(self, scope: Scope) -> Callable[[], None]:
        """Count a request for which nobody is verified, for its address; as `begin`."""
        return self._anonymous_at_once.begin(self._address.of(scope))

    async def before_refresh(self, family: bytes) -> None:
        """Count the use of an authentic refresh token, for its family; raise RateLimitedError.

        What others of its address did is nothing to it.
        """
        await self._refreshes.spend(family.hex())

    async def before_log_in(self, account: str, request: Request, device: str | None = None) -> None:
        """Count an attempt to log in or register, for the address and for the account, before any work is done.

        An attempt from a `device` that has logged in to the account before is counted for that device instead, and
        for the address among those of devices alone: strangers have no part in these counts, so they cannot use
        them up (OWASP, "Slow Down Online Guessing Attacks with Device Cookies").

        Raises RateLimitedError; and ServerBusyError while the store is away, for a limit that can be had four
        times over from four workers is none for who guesses passwords.
        """
        address = self.address_of(request)
        if device is None:
            counted = (self._log_ins, address), (self._accounts, _account_key(account))
        else:
            counted = (self._device_log_ins, address), (self._devices, device)
        try:
            for limit, key in counted:
                await limit.spend(key, together=True)
        except StoreUnavailableError:
            raise ServerBusyError(NOT_COUNTED) from None

    async def may_mail(self, kind: str, email: str) -> bool:
        """Count a mail of a kind to an address, and tell whether it is not one too many.

        By kind, so that whoever asks for forgotten passwords uses up none of the notices of a changed one.
        """
        limit = self._proofs if kind == "verify" else self._mails
        try:
            await limit.spend(f"{kind}/{_account_key(email)}")
        except RateLimitedError:
            return False
        return True

    async def before_provider(self, request: Request) -> None:
        """Count a log-in with a provider that begins, for its address, as an attempt to log in is.

        Raises RateLimitedError, and ServerBusyError while the store is away.
        """
        try:
            await self._log_ins.spend(self.address_of(request), together=True)
        except StoreUnavailableError:
            raise ServerBusyError(NOT_COUNTED) from None

    async def close(self) -> None:
        """Close the connections to the store, if there is one."""
        if self._store:
            await self._store.close()


def _account_key(account: str) -> str:
    """Return what an account is counted by: 64 digits, whatever its name, which a stranger makes up."""
    return sha256(account.casefold().encode(errors="surrogatepass")).hexdigest()


def _seconds_left(window: Window) -> int | None:
    """Return whole seconds until the window has ended, none too early; None where that is not known."""
    return None if window.ends is None else max(1, math.ceil(window.ends - time.monotonic()))
