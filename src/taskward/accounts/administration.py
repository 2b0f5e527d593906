"""What whoever runs the service does with accounts. The operator never sees or chooses a password."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from taskward.accounts import statements
from taskward.accounts.personal_tokens import revoke_all
from taskward.accounts.service import delete_user
from taskward.auth.email_names import EmailNames
from taskward.auth.links import LinkTokens, reset_state
from taskward.database.driver.statement import Statement
from taskward.database.transaction import Database
from taskward.observability.audit import Event, record

RESET_LASTS = timedelta(minutes=30)
INVITATION_LASTS = timedelta(days=7)

Account = dict[str, Any]
LISTS = (statements.LIST_ACCOUNTS, "email"), (statements.LIST_ACCOUNTS_WITHOUT_ADDRESS, "id")


class AccountError(Exception):
    """What an operator asked for cannot be; the message says why, in one sentence."""


@dataclass(frozen=True, slots=True, repr=False)
class Link:
    """A link that is good once, and until when. Without a `repr`, so that no log can show it by accident."""

    address: str
    ends: datetime


class Administration:
    """The operator's operations. Each raises AccountError where there is no such account."""

    def __init__(self, database: Database) -> None:
        """Take the database, as no request is asked."""
        self._database = database

    async def accounts(self) -> AsyncIterator[Account]:
        """Yield every account, by e-mail address, and behind these the ones that have none."""
        for statement, key in LISTS:
            after = ""
            while page := await self._page(statement, after):
                for account in page:
                    yield account
                after = page[-1][key]

    async def _page(self, statement: Statement[Account], after: str) -> Sequence[Account]:
        async with self._database.acting_for_accounts() as transaction:
            page = transaction.execute(statement, after=after)
        return page.all

    async def account(self, email: str) -> Account:
        """Return the account of an e-mail address, in any case, or of an id: not all have an address."""
        async with self._database.acting_for_accounts() as transaction:
            found = transaction.execute(statements.SHOW_ACCOUNT, name=email)
        if found.first is None:
            raise AccountError("there is no account with this e-mail address")
        return found.first

    async def disable(self, email: str) -> Account:
        """Let nobody log in to an account, end its log-ins and revoke its tokens; return it as it is then."""
        account_id = (await self.account(email))["id"]
        async with self._database.acting_for_accounts(account_id) as transaction:
            disabled = transaction.execute(statements.DISABLE_ACCOUNT)
            transaction.execute(statements.END_ALL_LOG_INS, kept=None)
            revoke_all(transaction)
        if disabled.first:
            record(Event.DISABLED, user=account_id)
        return await self.account(email)

    async def enable(self, email: str) -> Account:
        """Let people log in to an account again; return it as it is then."""
        account_id = (await self.account(email))["id"]
        async with self._database.acting_for_accounts(account_id) as transaction:
            enabled = transaction.execute(statements.ENABLE_ACCOUNT)
        if enabled.first:
            record(Event.ENABLED, user=account_id)
        return await self.account(email)

    async def sign_out(self, email: str) -> Account:
        """End all log-ins of an account; return it as it is then."""
        account_id = (await self.account(email))["id"]
        async with self._database.acting_for_accounts(account_id) as transaction:
            ended = transaction.execute(statements.END_ALL_LOG_INS, kept=None)
        if ended.first:
            record(Event.LOG_INS_ENDED, user=account_id)
        return await self.account(email)

    async def delete(self, email: str) -> Account:
        """Delete an account and everything of its user; return it as it was."""
        account = await self.account(email)
        await delete_user(self._database, account["id"])
        return account

    async def reset_link(self, email: str, secret: bytes, public: str) -> Link:
        """Return a link by which the owner of an account gives it a new password.

        It is made with the secret of the service, and leads to its public address. Links from before are void.
        """
        account = await self.account(email)
        if account["disabled_at"] is not None:
            raise AccountError("this account is disabled: enable it first")
        if account["provider"] is not None:
            raise AccountError("this account has no password: it logs in with a provider")
        async with self._database.acting_for_accounts(account["id"]) as transaction:
            made = transaction.execute(statements.MAKE_RESET_LINK)
        if made.first is None:
            raise AccountError("this account was deleted or disabled just now")
        state = reset_state(**made.first)
        token = LinkTokens(secret).new("reset", account["id"], state, int(RESET_LASTS.total_seconds()))
        record(Event.RESET_LINK_MADE, user=account["id"])
        return link_to(public, "reset", token, RESET_LASTS)

    async def invitation(self, email: str, secret: bytes, public: str) -> Link:
        """Return a link by which somebody registers with this address, where that takes an invitation."""
        async with self._database.acting_for_accounts() as transaction:
            found = transaction.execute(statements.FIND_ACCOUNT, email=email)
        if found.first is not None:
            raise AccountError("there is an account with this e-mail address")
        token = LinkTokens(secret).new("invite", "new", email.casefold(), int(INVITATION_LASTS.total_seconds()))
        record(Event.INVITED, email=EmailNames(secret).of(email))
        return link_to(public, "invitation", token, INVITATION_LASTS)


def link_to(public: str, name: str, token: str, lasts: timedelta) -> Link:
    """Return a link with a token behind `#`, which browsers send to nobody, so that no log on the way has it."""
    return Link(f"{public}/#{name}={token}", datetime.now(UTC) + lasts)
