"""Accounts of people who log in with another provider. Which account it is never depends on an e-mail address."""

from dataclasses import dataclass
from typing import Any

from taskward.accounts import statements
from taskward.accounts.service import BY_INVITATION
from taskward.auth.account_ids import new_account_id
from taskward.database.transaction import Database
from taskward.errors import RegistrationClosedError
from taskward.observability.audit import Event, record


@dataclass(frozen=True, slots=True)
class Person:
    """Who a provider says that somebody is. `email` is one that the provider has verified, else None."""

    issuer: str
    subject: str
    email: str | None = None
    name: str | None = None


class AccountDisabledError(Exception):
    """The account is there, and nobody logs in to it."""


class IdentityService:
    """Finds the accounts of people from a provider, and makes them."""

    def __init__(self, database: Database, registration: str = "open") -> None:
        """Take the database, and who may come for the first time: everybody where it is `open`."""
        self._database = database
        self._registration = registration

    async def account_of(self, person: Person) -> str:
        """Return the id of a person's account, which is made when they come for the first time.

        Raises AccountDisabledError, RegistrationClosedError where nobody may register or only by an invitation,
        ServerBusyError, and DatabaseUnavailableError.
        """
        account = await self._find(person) or await self._create(person) or await self._find(person)
        if account is None:  # deleted again in that moment
            raise RegistrationClosedError
        if account["disabled"]:
            record(Event.LOG_IN_FAILED, user=account["id"])
            raise AccountDisabledError
        account_id: str = account["id"]
        return account_id

    async def _find(self, person: Person) -> dict[str, Any] | None:
        async with self._database.acting_for_accounts() as transaction:
            found = transaction.execute(statements.FIND_IDENTITY, issuer=person.issuer, subject=person.subject)
        return found.first

    async def _create(self, person: Person) -> dict[str, Any] | None:
        """Make an account, unless the same person has one since a moment ago: then return None."""
        if self._registration != "open":
            raise RegistrationClosedError(BY_INVITATION if self._registration == "invite" else None)
        async with self._database.acting_for_accounts() as transaction:
            created = transaction.execute(
                statements.CREATE_IDENTITY,
                issuer=person.issuer, subject=person.subject, account_id=new_account_id(),
                email=person.email, name=person.name,
            )  # fmt: skip
        if created.first is None:
            return None
        record(Event.REGISTERED, user=created.first["id"])
        return {"id": created.first["id"], "disabled": False}
