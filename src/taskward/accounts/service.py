"""What people do with their accounts."""

import logging
from collections.abc import Callable
from typing import Any

from taskward.accounts import statements
from taskward.accounts.seen import Seen
from taskward.accounts.tables import account_deleted
from taskward.auth.account_ids import is_account_id, new_account_id
from taskward.auth.devices import Device, DeviceTokens
from taskward.auth.email_names import EmailNames
from taskward.auth.links import LinkTokens
from taskward.auth.new_passwords import OWN_ADDRESS, is_address
from taskward.auth.passwords import Passwords
from taskward.auth.refresh import RefreshToken, RefreshTokens
from taskward.database.errors import LockTimeoutError
from taskward.database.purge import Purge
from taskward.database.transaction import ACCOUNTS_ROLE, APP_ROLE, Database
from taskward.errors import (
    CredentialsInvalidError,
    EmailTakenError,
    RegistrationClosedError,
    ValidationFailedError,
)
from taskward.observability.audit import Event, record

ATTEMPTS = 3
NOT_SEEN = Seen()
WRONG_PASSWORD = "The current password is wrong."  # noqa: S105
LINK_IS_OVER = "This link is not valid, or no longer. Ask for another one."
BY_INVITATION = "People register by invitation here. Ask whoever runs this service for one."
INVITATION_IS_OVER = "This invitation is not for this e-mail address, or no longer good. Ask for another one."
NO_PASSWORD = "You have no password here."  # noqa: S105

User = dict[str, Any]
Tokens = dict[str, Any]

logger = logging.getLogger(__name__)


class AccountService:
    """The account operations. Each raises DatabaseUnavailableError when there is no response to be had."""

    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        secret: bytes,
        issue: Callable[[str, bytes], str],
        lifetime_seconds: int,
        registration: str = "open",
        max_days: int = 90,
    ) -> None:
        """Take the parts, the secret of the service, and the function that issues an access token.

        It takes a user id and a log-in, and such a token is good for `lifetime_seconds`.
        """
        self._database = database
        self.passwords = passwords
        self.refresh_tokens = RefreshTokens(secret)
        self.devices = DeviceTokens(secret)
        self._links = LinkTokens(secret)
        self._registration = registration
        self._max_days = max_days
        self._email_names = EmailNames(secret)
        self._issue = issue
        self._lifetime_seconds = lifetime_seconds
        self._purge = Purge("refresh tokens", database.acting_for_accounts, statements.PURGE_TOKENS)

    async def register(self, email: str, password: str, name: str | None, invitation: str | None = None) -> User:
        """Store a new account; raise EmailTakenError, which costs the same work, and ServerBusyError.

        Raises RegistrationClosedError where nobody may register, or not without an invitation of their own.
        """
        self._admit(email, invitation)
        password_hash = await self.passwords.hash(password)
        account_id = new_account_id()
        async with self._database.acting_for_accounts() as transaction:
            created = transaction.execute(
                statements.CREATE_ACCOUNT,
                account_id=account_id, email=email, name=name, password_hash=password_hash,
            )  # fmt: skip
        if created.first is None:
            raise EmailTakenError
        record(Event.REGISTERED, user=account_id)
        return created.first

    def _admit(self, email: str, invitation: str | None) -> None:
        if self._registration == "closed":
            raise RegistrationClosedError
        if self._registration == "invite":
            if invitation is None:
                raise RegistrationClosedError(BY_INVITATION)
            if not self._links.is_good(invitation, "invite", email.casefold()):
                raise RegistrationClosedError(INVITATION_IS_OVER)

    async def log_in(self, email: str, password: str, device: Device, seen: Seen = NOT_SEEN) -> Tokens:
        """Return tokens for the account; raise CredentialsInvalidError and ServerBusyError.

        Who comes from a known device waits for others of the kind alone. An address that nobody has costs the same
        work as a wrong password.
        """
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

    async def refresh(self, token: RefreshToken | None, seen: Seen = NOT_SEEN) -> Tokens:
        """Return the tokens after a refresh token; raise CredentialsInvalidError, also where it is none.

        A token that was used before ends its family, unless it is the one before and its use was a moment ago:
        then the same tokens are given again, for the response was lost.
        """
        if token is None:
            raise _refused()
        following = self.refresh_tokens.after(token)
        async with self._database.acting_for_accounts() as transaction:
            used = transaction.execute(
                statements.USE_TOKEN,
                family=token.family_hash, token=token.hash, authentic=token.authentic, next=following.hash,
                client=seen.client, address=seen.address, max_days=self._max_days,
            )  # fmt: skip
        if used.first is None:
            raise _refused()
        account_id = used.first["account_id"]
        if not used.first["good"]:
            logger.warning("a refresh token of %s was used a second time, and its family was ended", account_id)
            record(Event.REFRESH_TOKEN_REUSED, user=account_id)
            raise _refused()
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

    async def change_password(self, owner: str, current: str, new: str, kept: bytes | None) -> None:
        """Give an account another password, and end all its log-ins but the one that is `kept`.

        Raises CredentialsInvalidError where `current` is wrong, ValidationFailedError where the new one is the
        account's address, ServerBusyError, and TokenInvalidError when the account is gone.
        """
        account = await self._read_password(owner)
        if account is None:
            raise account_deleted() if is_account_id(owner) else CredentialsInvalidError(NO_PASSWORD)
        await self._prove(owner, account["password_hash"], current)
        if is_address(new, account["email"]):
            raise ValidationFailedError([("new", OWN_ADDRESS)])
        if not await self._replace_password(owner, account["password_hash"], new, kept):
            raise CredentialsInvalidError(WRONG_PASSWORD)
        record(Event.PASSWORD_CHANGED, user=owner)

    async def reset_password(self, token: str, new: str) -> None:
        """Give the account of a reset token another password, and end all its log-ins.

        Raises CredentialsInvalidError where the token is none, has ended, or was used before;
        ValidationFailedError where the new password is the account's address, and ServerBusyError.
        """
        owner = self._links.subject_of(token)
        if owner is None:
            raise CredentialsInvalidError(LINK_IS_OVER)
        account = await self._read_password(owner)
        if account is None or not self._links.is_good(token, "reset", account["password_hash"]):
            raise CredentialsInvalidError(LINK_IS_OVER)
        if is_address(new, account["email"]):
            raise ValidationFailedError([("password", OWN_ADDRESS)])
        if not await self._replace_password(owner, account["password_hash"], new):
            raise CredentialsInvalidError(LINK_IS_OVER)
        record(Event.PASSWORD_RESET, user=owner)

    async def _replace_password(self, owner: str, stored: str, new: str, kept: bytes | None = None) -> bool:
        """Replace the password whose hash is `stored`, and end log-ins; tell whether it was still that one."""
        new_hash = await self.passwords.hash(new, known_device=True)
        async with self._database.acting_for_accounts(owner) as transaction:
            changed = transaction.execute(statements.CHANGE_PASSWORD, password_hash=stored, new_hash=new_hash)
            transaction.execute(statements.END_LOG_INS, kept=kept, password_hash=new_hash)
        return changed.first is not None

    async def _read_password(self, owner: str) -> dict[str, Any] | None:
        async with self._database.acting_for_accounts(owner) as transaction:
            found = transaction.execute(statements.READ_PASSWORD)
        return found.first

    async def _prove(self, owner: str, stored: str, password: str) -> None:
        """Raise CredentialsInvalidError unless `stored` is the hash of a password."""
        right, _ = await self.passwords.verify(password, stored, known_device=True)
        if not right:
            record(Event.PASSWORD_REFUSED, user=owner)
            raise CredentialsInvalidError(WRONG_PASSWORD)

    async def read_user(self, owner: str) -> User:
        """Return a user, of an account or of a provider; raise TokenInvalidError when the account is gone."""
        async with self._database.acting_for_accounts(owner) as transaction:
            account = transaction.execute(statements.READ_ACCOUNT)
            transaction.identify(APP_ROLE)
            user = transaction.execute(statements.READ_USER)
        if account.first is not None:
            return account.first
        if is_account_id(owner):
            raise account_deleted()
        return {
            "id": owner,
            "email": None,
            "name": None,
            "created_at": user.first["created_at"] if user.first else None,
        }

    async def delete_user(self, owner: str, password: str | None) -> None:
        """Delete a user and everything of theirs. It may be repeated.

        Who has an account proves that it is theirs; raises as `change_password` does.
        """
        if is_account_id(owner) and (account := await self._read_password(owner)):
            if password is None:
                raise ValidationFailedError([("password", "is missing")])
            await self._prove(owner, account["password_hash"], password)
        await delete_user(self._database, owner)

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


async def delete_user(database: Database, owner: str) -> None:
    """Delete a user and everything of theirs, in one transaction that takes two roles; raise LockTimeoutError."""
    for attempts_left in reversed(range(ATTEMPTS)):
        try:
            async with database.acting_for_accounts(owner) as transaction:
                transaction.execute(statements.LOCK_ACCOUNT)
                transaction.identify(APP_ROLE)
                user = transaction.execute(statements.DELETE_USER)
                transaction.identify(ACCOUNTS_ROLE)
                account = transaction.execute(statements.DELETE_ACCOUNT)
        except LockTimeoutError:
            if not attempts_left:
                raise
        else:
            if user.first or account.first:
                record(Event.USER_DELETED, user=owner)
            return


async def check_account(database: Database, user_id: str) -> None:
    """Raise TokenInvalidError for the id of an account that has been deleted.

    To be asked where nothing of a user was found: an access token is good for a while after its account is gone,
    and finds nothing. So who has something never waits for this.
    """
    if is_account_id(user_id):
        async with database.acting_for_accounts(user_id) as transaction:
            account = transaction.execute(statements.READ_ACCOUNT)
        if account.first is None:
            raise account_deleted()


def _refused() -> CredentialsInvalidError:
    return CredentialsInvalidError("The refresh token is not valid. Please log in again.")
