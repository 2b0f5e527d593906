"""A log-in with the provider, from its beginning to the code that the page or a program exchanges for tokens."""

import logging
from urllib.parse import urlencode

from taskward.accounts.identities import AccountDisabledError, IdentityService
from taskward.auth.log_in_codes import LogInCodes
from taskward.errors import (
    DatabaseUnavailableError,
    RateLimitedError,
    RegistrationClosedError,
    ServerBusyError,
)
from taskward.oidc.errors import LogInFailedError, Problem
from taskward.oidc.flow import Flow, Flows
from taskward.oidc.provider import Provider

CALLBACK_PATH = "/auth/oidc/callback"

logger = logging.getLogger(__name__)


class ProviderLogIns:
    """Log-ins with one provider. Where each step leads is always an address that a browser is sent to."""

    def __init__(self, provider: Provider, identities: IdentityService, secret: bytes, public_url: str) -> None:
        """Take the parts, the secret of the service, and where people reach it."""
        self._provider = provider
        self._identities = identities
        self._flows = Flows(secret)
        self._codes = LogInCodes(secret)
        self._public_url = public_url

    @property
    def is_encrypted(self) -> bool:
        """Whether people reach the service by https."""
        return self._public_url.startswith("https://")

    async def close(self) -> None:
        """Close the connections to the provider."""
        await self._provider.close()

    async def begin(self, flow: Flow) -> tuple[str, str | None]:
        """Return where to log in, and what the cookie is to have; None where the provider cannot be asked.

        A program gets nothing unless its person agrees: any page could send a browser here (RFC 8252, 8.6).
        """
        prompt = "consent" if flow.port is not None else None
        try:
            address = await self._provider.log_in_address(flow.state, flow.nonce, flow.verifier, prompt)
        except LogInFailedError as error:
            return self._failed(flow, error), None
        return address, self._flows.seal(flow)

    def flow_of(self, cookie: str | None, state: str | None) -> Flow | None:
        """Return the log-in that a cookie and a state are of, None where they are of none, or not of one."""
        return self._flows.open(cookie, state)

    async def finish(self, flow: Flow, code: str | None, error: str | None, issuer: str | None) -> str:
        """Return where a log-in leads that the provider has answered: to its code, or to what went wrong."""
        try:
            account_id = await self._account(flow, code, error, issuer)
        except LogInFailedError as failed:
            return self._failed(flow, failed)
        return self._target(flow, {"code": self._codes.new(account_id, flow.challenge)})

    def over(self) -> str:
        """Return where a log-in leads of which nothing is known."""
        return self._target(None, {"error": Problem.OVER.word})

    def turned_away(self, flow: Flow | None, busy: RateLimitedError | ServerBusyError) -> str:
        """Return where a log-in leads that is one too many: a browser shows its person no error of an API."""
        problem = Problem.OFTEN if isinstance(busy, RateLimitedError) else Problem.BUSY
        return self._failed(flow, LogInFailedError(problem, busy.code))

    async def _account(self, flow: Flow, code: str | None, error: str | None, issuer: str | None) -> str:
        if issuer is not None and issuer != self._provider.issuer:  # RFC 9207, 2.4
            raise LogInFailedError(Problem.REFUSED, "the response is another issuer's")
        if error == "access_denied":
            raise LogInFailedError(Problem.DENIED, "the person did not agree")
        if error is not None or not code:
            away = error in ("temporarily_unavailable", "server_error")
            raise LogInFailedError(Problem.AWAY if away else Problem.REFUSED, "the response is an error")
        person = await self._provider.identify(code, flow.nonce, flow.verifier, issuer)
        try:
            return await self._identities.account_of(person)
        except AccountDisabledError:
            raise LogInFailedError(Problem.DISABLED, "the account is disabled") from None
        except RegistrationClosedError:
            raise LogInFailedError(Problem.CLOSED, "REGISTRATION lets nobody come for the first time") from None
        except (DatabaseUnavailableError, ServerBusyError) as busy:
            raise LogInFailedError(Problem.BUSY, busy.logged) from None

    def _failed(self, flow: Flow | None, error: LogInFailedError) -> str:
        logger.warning("a log-in with OIDC_ISSUER failed (%s): %s", error.problem.word, error.reason)
        told = {"error": error.problem.word}
        if flow is not None and flow.port is not None:
            told["error_description"] = error.problem.sentence
        return self._target(flow, told)

    def _target(self, flow: Flow | None, told: dict[str, str]) -> str:
        """Return an address of the page, or of a program on the person's own machine: of nobody else, ever.

        The page has it behind `#`, which browsers send to nobody.
        """
        if flow is None or flow.port is None:
            return f"{self._public_url}/#{urlencode({f'log-in-{name}': value for name, value in told.items()})}"
        state = {} if flow.program_state is None else {"state": flow.program_state}
        return f"http://127.0.0.1:{flow.port}/?{urlencode(told | state)}"
