"""What people do with their accounts."""

import logging
from collections.abc import Callable
from typing import Any

from taskward.accounts import statements
from taskward.auth.account_ids import is_account_id, new_account_id
from taskward.auth.passwords import Passwords
from taskward.auth.refresh import RefreshToken, RefreshTokens
from taskward.database.errors import LockTimeoutError
from taskward.database.purge import Purge
from taskward.database.transaction import ACCOUNTS_ROLE, APP_ROLE, Database
from taskward.errors import CredentialsInvalidError, EmailTakenError, TokenInvalidError

ATTEMPTS = 3

User = dict[str, Any]
Tokens = dict[str, Any]

logger = logging.getLogger(__name__)


class AccountService:
    """The account operations. Each raises DatabaseUnavailableError when there is no response to be had."""

    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        refresh_tokens: RefreshTokens,
        issue: Callable[[str], str],
        lifetime_seconds: int,
    ) -> None:
        """Take the parts, the function that issues an access token for a user id, and how long those are good."""
        self._database = database
        self.passwords = passwords
        self._refresh_tokens = refresh_tokens
        self._issue = issue
        self._lifetime_seconds = lifetime_seconds
        self._purge = Purge("refresh tokens", database.acting_for_accounts, statements.PURGE_TOKENS)

    async def register(self, email: str, password: str, name: str | None) -> User:
        """Store a new account; raise EmailTakenError, which costs the same work, and ServerBusyError."""
        password_hash = await self.passwords.hash(password)
        account_id = new_account_id()
        async with self._database.acting_for_accounts() as transaction:
            created = transaction.execute(
                statements.CREATE_ACCOUNT,
                account_id=account_id, email=email, name=name, password_hash=password_hash,
            )  # fmt: skip
        if created.first is None:
            raise EmailTakenError
        return created.first

    async def log_in(self, email: str, password: str) -> Tokens:
        """Return tokens for the account; raise CredentialsInvalidError and ServerBusyError.

        An address that nobody has costs the same work as a wrong password.
        """
        async with self._database.acting_for_accounts() as transaction:
            found = transaction.execute(statements.FIND_ACCOUNT, email=email)
        account = found.first
        stored = account["password_hash"] if account else None
        right, renewed_hash = await self.passwords.verify(password, stored)
        if account is None or not right:
            raise CredentialsInvalidError
        account_id, token = account["id"], self._refresh_tokens.first()
        async with self._database.acting_for_accounts() as transaction:
            if (
                renewed_hash is not None
            ):  # first, because it takes the stronger lock on the account; upgrading later could deadlock
                transaction.execute(
                    statements.RENEW_PASSWORD_HASH,
                    account_id=account_id, password_hash=stored, renewed_hash=renewed_hash,
                )  # fmt: skip
            begun = transaction.execute(
                statements.BEGIN_FAMILY, account_id=account_id, family=token.family_hash, token=token.hash
            )
        if begun.first is None:  # deleted while the password was verified
            raise CredentialsInvalidError
        return self._tokens(account_id, token)

    async def refresh(self, text: str) -> Tokens:
        """Return the tokens after a refresh token; raise CredentialsInvalidError.

        A token that was used before ends its family, unless it is the one before and its use was a moment ago:
        then the same tokens are given again, for the response was lost.
        """
        token = self._known_form(text)
        following = self._refresh_tokens.after(token)
        async with self._database.acting_for_accounts() as transaction:
            used = transaction.execute(
                statements.USE_TOKEN, family=token.family_hash, token=token.hash, next=following.hash
            )
        if used.first is None:
            raise CredentialsInvalidError("The refresh token is not valid. Please log in again.")
        account_id = used.first["account_id"]
        if not used.first["good"]:
            logger.warning("a refresh token of %s was used a second time, and its family was ended", account_id)
            raise CredentialsInvalidError("The refresh token is not valid. Please log in again.")
        return self._tokens(account_id, following)

    async def revoke(self, text: str) -> None:
        """End the family of a refresh token; a token that is none is no error (RFC 7009, 2.2)."""
        if token := self._refresh_tokens.read(text):
            async with self._database.acting_for_accounts() as transaction:
                transaction.execute(statements.END_FAMILY, family=token.family_hash)

    async def read_user(self, owner: str) -> User:
        """Return a user, of an account or of a provider; raise TokenInvalidError when the account is gone."""
        async with self._database.acting_for_accounts(owner) as transaction:
            account = transaction.execute(statements.READ_ACCOUNT)
            transaction.identify(APP_ROLE)
            user = transaction.execute(statements.READ_USER)
        if account.first is not None:
            return account.first
        if is_account_id(owner):
            raise TokenInvalidError("The account of this token has been deleted.")
        return {
            "id": owner,
            "email": None,
            "name": None,
            "created_at": user.first["created_at"] if user.first else None,
        }

    async def delete_user(self, owner: str) -> None:
        """Delete a user and everything of theirs, in one transaction. It may be repeated."""
        for attempts_left in reversed(range(ATTEMPTS)):
            try:
                async with self._database.acting_for_accounts(owner) as transaction:
                    transaction.execute(statements.LOCK_ACCOUNT)
                    transaction.identify(APP_ROLE)
                    transaction.execute(statements.DELETE_USER)
                    transaction.identify(ACCOUNTS_ROLE)
                    transaction.execute(statements.DELETE_ACCOUNT)
            except LockTimeoutError:
                if not attempts_left:
                    raise
            else:
                return

    def _known_form(self, text: str) -> RefreshToken:
        token = self._refresh_tokens.read(text)
        if token is None:
            raise CredentialsInvalidError("The refresh token is not valid. Please log in again.")
        return token

    def _tokens(self, account_id: str, token: RefreshToken) -> Tokens:
        self._purge.when_due()
        return {
            "access_token": self._issue(account_id),
            "token_type": "bearer",
            "expires_in": self._lifetime_seconds,
            "refresh_token": token.text,
            "user_id": account_id,
        }
