"""Personal tokens: what their owner does with them, and what workers ask about them."""

import hashlib
import logging
import secrets
from base64 import b32encode
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

from taskward.accounts import personal_token_statements as statements
from taskward.auth.personal_tokens import FoundToken, implied, new_token
from taskward.database.purge import Purge
from taskward.database.transaction import APP_ROLE, Database, Transaction
from taskward.errors import ApiError, QuotaExceededError, TokenExpiredError, TokenNotFoundError
from taskward.observability.audit import Event, record

NO_ROOM = f"You have {statements.MOST_TOKENS} personal tokens, which is as many as you may have. Revoke some."
ID_BYTES = 10  # 16 characters of base32

Token = dict[str, Any]
Check = Callable[[], Awaitable[None]]

logger = logging.getLogger(__name__)


class PersonalTokenService:
    """Operations on personal tokens. Each raises DatabaseUnavailableError when there is no response to be had."""

    def __init__(self, database: Database) -> None:
        """Take the database."""
        self._database = database
        self._purge = Purge("ended tokens", database, statements.PURGE_ENDED, of_accounts=True)

    async def create_token(
        self, owner: str, name: str, scopes: Sequence[str], days: int, check: Check | None = None
    ) -> Token:
        """Make a token, and return it with what is known of it; nobody can read it again.

        `check` raises TokenExpiredError where the log-in has ended that asks for it. It is asked once the token is
        there: what ended the log-in before may have revoked all tokens, and this one is to be nobody's then.

        Raises QuotaExceededError, what `check` raises, and TokenInvalidError when the account is gone.
        """
        token = new_token()
        async with self._database.acting_as(owner) as transaction:
            transaction.execute(statements.MAKE_USER)
            transaction.execute(statements.LOCK_USER)
            transaction.execute(statements.FORGET_EXPIRED)
            created = transaction.execute(
                statements.CREATE_TOKEN,
                id=_new_id(), hash=_hash(token), name=name, scopes=sorted(set(scopes)), days=days,
            )  # fmt: skip
        if created.first is None:
            raise QuotaExceededError(NO_ROOM)
        if check is not None:
            await self._check(check, owner, created.first["id"])
        record(Event.TOKEN_MADE, user=owner)
        return {**created.first, "token": token}

    async def _check(self, check: Check, owner: str, token_id: str) -> None:
        try:
            await check()
        except TokenExpiredError:
            async with self._database.acting_as(owner) as transaction:
                transaction.execute(statements.REVOKE_TOKEN, id=token_id)
            raise

    async def tokens(self, owner: str) -> Sequence[Token]:
        """Return the owner's tokens, without themselves, the newest first; also expired ones, for a month."""
        async with self._database.acting_as(owner) as transaction:
            found = transaction.execute(statements.LIST_TOKENS)
        return found.all

    async def all_tokens(self, owner: str) -> AsyncIterator[Sequence[Token]]:
        """Yield the owner's tokens in one page, without themselves: there are few."""
        yield await self.tokens(owner)

    async def revoke_token(self, owner: str, token_id: str) -> None:
        """Delete a token, which is refused everywhere within five seconds; raise TokenNotFoundError."""
        async with self._database.acting_as(owner) as transaction:
            revoked = transaction.execute(statements.REVOKE_TOKEN, id=token_id)
        if revoked.first is None:
            raise TokenNotFoundError
        record(Event.TOKEN_REVOKED, user=owner)
        self._purge.when_due()

    async def find(self, token_hash: bytes) -> FoundToken | None:
        """Return the token of a hash, also an expired one; None for none, or where its account is disabled."""
        async with self._database.acting_for_accounts() as transaction:
            found = transaction.execute(statements.FIND_TOKEN, hash=token_hash)
        if (row := found.first) is None:
            return None
        if row["unused_today"] and row["seconds_left"] > 0:
            self._database.background.begin(self._note(row["user_id"], row["id"]), "use of a token")
        return FoundToken(row["user_id"], row["seconds_left"], implied(row["scopes"]))

    async def _note(self, owner: str, token_id: str) -> None:
        try:
            async with self._database.acting_as(owner) as transaction:
                transaction.execute(statements.NOTE_USE, id=token_id)
        except ApiError as error:
            logger.warning("the use of a personal token was not noted, and will be later: %s", error)


def revoke_all(transaction: Transaction) -> None:
    """Revoke every token of a transaction's user, also one that is being made: the user's row is waited for."""
    transaction.identify(APP_ROLE)
    transaction.execute(statements.MAKE_USER)
    transaction.execute(statements.LOCK_USER)
    transaction.execute(statements.REVOKE_TOKENS)


def _new_id() -> str:
    return b32encode(secrets.token_bytes(ID_BYTES)).decode().lower()


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
