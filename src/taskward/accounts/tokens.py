"""How a log-in begins, goes on and ends: by tokens (OAuth 2.0, RFC 6749)."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from taskward.accounts import statements
from taskward.accounts.seen import Seen
from taskward.auth.devices import Device, DeviceTokens
from taskward.auth.email_names import EmailNames
from taskward.auth.log_in_codes import LogInCodes
from taskward.auth.passwords import Passwords
from taskward.auth.refresh import RefreshToken, RefreshTokens
from taskward.database.purge import Purge
from taskward.database.transaction import Database
from taskward.errors import CredentialsInvalidError, EmailNotVerifiedError
from taskward.observability.audit import Event, record

if TYPE_CHECKING:
    from taskward.accounts.mails import AccountMails

ATTEMPTS = 3
NOT_SEEN = Seen()
CODE_IS_OVER = "This log-in is over, or was begun elsewhere. Please log in again."

Tokens = dict[str, Any]

logger = logging.getLogger(__name__)


class TokenService:
    """Log-ins by tokens. Each operation raises DatabaseUnavailableError when there is no response to be had."""

    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        secret: bytes,
        issue: Callable[[str, bytes], str],
        lifetime_seconds: int,
        max_days: int = 90,
        proof_by: "AccountMails | None" = None,
    ) -> None:
        """Take the parts, the secret of the service, and the function that issues an access token.

        It takes a user id and a log-in, and such a token is good for `lifetime_seconds`. A log-in ends `max_days`
        after it began at the latest. With `proof_by`, none begins before the account's address is proven.
        """
        self._database = database
        self.passwords = passwords
        self.refresh_tokens = RefreshTokens(secret)
        self.devices = DeviceTokens(secret)
        self.codes = LogInCodes(secret)
        self._email_names = EmailNames(secret)
        self._issue = issue
        self._lifetime_seconds = lifetime_seconds
        self._max_days = max_days
        self._proof_by = proof_by
        self._purge = Purge("refresh tokens", database, statements.PURGE_TOKENS, of_accounts=True)

    async def log_in(self, email: str, password: str, device: Device, seen: Seen = NOT_SEEN) -> Tokens:
        """Return tokens for the account; raise CredentialsInvalidError, EmailNotVerifiedError and ServerBusyError.

        Who comes from a known device waits for others of the kind alone. An address that nobody has costs the same
        work as a wrong password. Raises PasswordsOffError where there are no passwords.
        """
        self.passwords.check_allowed()
        for _ in range(ATTEMPTS):  # again, where the password was changed while this one was verified
            if tokens := await self._log_in(email, password, device, seen):
                return tokens
        raise CredentialsInvalidError

    async def _log_in(self, email: str, password: str, device: Device, seen: Seen) -> Tokens | None:
        async with self._database.acting_for_accounts() as transaction:
            found = transaction.execute(statements.FIND_ACCOUNT, email=email)
        account = found.first
        stored = account["password_hash"] if account else None
        known_device = device.known_as is not None
        right, renewed_hash = await self.passwords.verify(password, stored, known_device=known_device)
        if account is None or not right or account["disabled"]:
            self._record_failure(email, account)
            raise CredentialsInvalidError
        self._want_proof(account)
        account_id, token = account["id"], self.refresh_tokens.first()
        async with self._database.acting_for_accounts() as transaction:
            if (
                renewed_hash is not None
            ):  # first, because it takes the stronger lock on the account; upgrading later could deadlock
                transaction.execute(
                    statements.RENEW_PASSWORD_HASH,
                    account_id=account_id, password_hash=stored, renewed_hash=renewed_hash,
                )  # fmt: skip
            begun = transaction.execute(
                statements.BEGIN_FAMILY,
                account_id=account_id, password_hash=renewed_hash or stored,
                family=token.family_hash, token=token.hash,
                client=seen.client, address=seen.address, max_days=self._max_days,
            )  # fmt: skip
        if begun.first is None:
            return None
        record(Event.LOGGED_IN, user=account_id)
        return self._tokens(account_id, token) | {"device_token": self.devices.after(device, email)}

    def _want_proof(self, account: dict[str, Any]) -> None:
        """Raise EmailNotVerifiedError, once the password is known to be right: nobody else learns of it."""
        if self._proof_by is not None and not account["verified"]:
            self._proof_by.registered(account["id"], account["email"])
            record(Event.LOG_IN_FAILED, user=account["id"])
            raise EmailNotVerifiedError

    async def log_in_by_code(self, code: str, verifier: str, seen: Seen = NOT_SEEN) -> Tokens:
        """Return tokens for a code of a log-in with another provider, which is good once, and for a minute.

        Raises CredentialsInvalidError, also where the verifier is not the one that the log-in began with.
        """
        granted = self.codes.read(code, verifier)
        if granted is None:
            raise CredentialsInvalidError(CODE_IS_OVER)
        token = self.refresh_tokens.first(granted.family)
        async with self._database.acting_for_accounts() as transaction:
            begun = transaction.execute(
                statements.BEGIN_FAMILY_BY_CODE,
                account_id=granted.account_id, family=token.family_hash, token=token.hash,
                client=seen.client, address=seen.address, max_days=self._max_days,
            )  # fmt: skip
        if begun.first is None:
            record(Event.LOG_IN_FAILED, user=granted.account_id)
            raise CredentialsInvalidError(CODE_IS_OVER)
        record(Event.LOGGED_IN, user=granted.account_id)
        return self._tokens(granted.account_id, token)

    async def refresh(self, token: RefreshToken | None, seen: Seen = NOT_SEEN) -> Tokens:
        """Return the tokens after a refresh token; raise CredentialsInvalidError, also where it is none.

        A token that was used before ends its family, unless it is the one before and its use was a moment ago:
        then the same tokens are given again, for the response was lost.
        """
        if token is None:
            raise refresh_refused()
        following = self.refresh_tokens.after(token)
        async with self._database.acting_for_accounts() as transaction:
            used = transaction.execute(
                statements.USE_TOKEN,
                family=token.family_hash, token=token.hash, authentic=token.authentic, next=following.hash,
                client=seen.client, address=seen.address, max_days=self._max_days,
            )  # fmt: skip
        if used.first is None:
            raise refresh_refused()
        account_id = used.first["account_id"]
        if not used.first["good"]:
            logger.warning("a refresh token of %s was used a second time, and its family was ended", account_id)
            record(Event.REFRESH_TOKEN_REUSED, user=account_id)
            raise refresh_refused()
        return self._tokens(account_id, following)

    async def revoke(self, token: RefreshToken | None) -> bool:
        """End the family of a refresh token, and tell whether there was one.

        A token that is none, or was made up, is no error and ends nothing (RFC 7009, 2.2).
        """
        if token is None:
            return False
        async with self._database.acting_for_accounts() as transaction:
            ended = transaction.execute(
                statements.END_FAMILY, family=token.family_hash, token=token.hash, authentic=token.authentic
            )
        if ended.first is not None:
            record(Event.LOG_IN_REVOKED, user=ended.first["account_id"])
        return ended.first is not None

    def _record_failure(self, email: str, account: dict[str, Any] | None) -> None:
        if account:
            record(Event.LOG_IN_FAILED, user=account["id"])
        else:
            record(Event.LOG_IN_FAILED, email=self._email_names.of(email))

    def _tokens(self, account_id: str, token: RefreshToken) -> Tokens:
        self._purge.when_due()
        return {
            "access_token": self._issue(account_id, token.family_hash),
            "token_type": "bearer",
            "expires_in": self._lifetime_seconds,
            "refresh_token": token.text,
            "user_id": account_id,
        }


def refresh_refused() -> CredentialsInvalidError:
    """Return what is raised for a refresh token that is not good."""
    return CredentialsInvalidError("The refresh token is not valid. Please log in again.")
