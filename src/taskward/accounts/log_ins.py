"""The log-ins of accounts: their owners' list of them, and what workers ask about them."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Any

from taskward.accounts import statements
from taskward.accounts.service import check_account
from taskward.auth.log_ins import id_of
from taskward.database.transaction import Database
from taskward.errors import SessionNotFoundError
from taskward.observability.audit import Event, record


class LogInService:
    """Operations on log-ins. Each raises DatabaseUnavailableError when there is no response to be had."""

    def __init__(self, database: Database) -> None:
        """Take the database."""
        self._database = database

    async def log_ins(self, owner: str) -> Sequence[dict[str, Any]]:
        """Return the log-ins of an account that go on, the one used last first, 100 at most.

        Raises TokenInvalidError when the account is gone.
        """
        async with self._database.acting_for_accounts(owner) as transaction:
            found = transaction.execute(statements.LIST_LOG_INS)
        if not found.all:
            await check_account(self._database, owner)
        return found.all

    async def all_log_ins(self, owner: str) -> AsyncIterator[Sequence[Mapping[str, object]]]:
        """Yield all log-ins of an account that are kept, page by page, without any of their hashes."""
        after = b""
        while True:
            async with self._database.acting_for_accounts(owner) as transaction:
                found = transaction.execute(statements.EXPORT_LOG_INS, after=after)
            if found.all:
                after = found.all[-1]["family_hash"]
                yield [{"id": id_of(row.pop("family_hash")), **row} for row in found.all]
            if len(found.all) < statements.EXPORT_PAGE:
                return

    async def identities(self, owner: str) -> AsyncIterator[Sequence[Mapping[str, object]]]:
        """Yield whom a provider means with an account, in one page: one at most."""
        async with self._database.acting_for_accounts(owner) as transaction:
            found = transaction.execute(statements.EXPORT_IDENTITIES)
        yield found.all

    async def end_log_in(self, owner: str, log_in: bytes | None) -> None:
        """End one of the owner's log-ins; raise SessionNotFoundError where there is none that goes on."""
        async with self._database.acting_for_accounts(owner) as transaction:
            ended = transaction.execute(statements.END_LOG_IN, log_in=log_in)
        if ended.first is None:
            await check_account(self._database, owner)
            raise SessionNotFoundError
        record(Event.LOG_IN_REVOKED, user=owner)

    async def end_log_ins(self, owner: str, kept: bytes | None) -> None:
        """End the owner's log-ins, all but the one that is `kept`."""
        async with self._database.acting_for_accounts(owner) as transaction:
            ended = transaction.execute(statements.END_ALL_LOG_INS, kept=kept)
        if ended.first is None:
            await check_account(self._database, owner)
        else:
            record(Event.LOG_INS_ENDED, user=owner)

    async def ended_since(self, moment: str | None) -> tuple[str, Collection[bytes] | None]:
        """Return the moment to ask with next, and what has ended since the one given, however it did.

        That are log-ins by their family's hash, and personal tokens by their own.

        None instead where none is given, or one so long ago that what ended may be gone.
        """
        async with self._database.acting_for_accounts() as transaction:
            ended = transaction.execute(statements.ENDED_SINCE, moment=moment)
        first, *_ = ended.all
        log_ins = {row["ended"] for row in ended.all if row["ended"] is not None}
        return first["until"], None if first["is_unknown"] else log_ins

    async def goes_on(self, owner: str, log_in: bytes) -> bool:
        """Tell whether a log-in is the owner's, and has not ended. A deleted account has its own response."""
        async with self._database.acting_for_accounts(owner) as transaction:
            ended = transaction.execute(statements.HAS_ENDED, family=log_in)
        return ended.first is None
