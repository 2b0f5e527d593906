"""What people do with their accounts. tokens.py has their log-ins."""

from typing import TYPE_CHECKING, Any

from taskward.accounts import statements
from taskward.accounts.personal_token_statements import REVOKE_TOKENS
from taskward.accounts.personal_tokens import revoke_all
from taskward.accounts.tables import account_deleted
from taskward.auth.account_ids import is_account_id, new_account_id
from taskward.auth.links import LinkTokens, reset_state, verify_state
from taskward.auth.new_passwords import OWN_ADDRESS, is_address
from taskward.auth.passwords import Passwords
from taskward.database.errors import LockTimeoutError
from taskward.database.transaction import ACCOUNTS_ROLE, APP_ROLE, Database
from taskward.errors import (
    CredentialsInvalidError,
    EmailTakenError,
    RegistrationClosedError,
    ValidationFailedError,
)
from taskward.observability.audit import Event, record

if TYPE_CHECKING:
    from taskward.accounts.mails import AccountMails

ATTEMPTS = 3
WRONG_PASSWORD = "The current password is wrong."  # noqa: S105
LINK_IS_OVER = "This link is not valid, or no longer. Ask for another one."
BY_INVITATION = "People register by invitation here. Ask whoever runs this service for one."
INVITATION_IS_OVER = "This invitation is not for this e-mail address, or no longer good. Ask for another one."
NO_PASSWORD = "You have no password here."  # noqa: S105

User = dict[str, Any]


class AccountService:
    """The account operations. Each raises DatabaseUnavailableError when there is no response to be had."""

    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        links: LinkTokens,
        registration: str = "open",
        mails: "AccountMails | None" = None,
    ) -> None:
        """Take the parts, who may register: `open`, `invite` or `closed`, and what mails, where mail is sent."""
        self._database = database
        self.passwords = passwords
        self._links = links
        self._registration = registration
        self._mails = mails

    async def register(self, email: str, password: str, name: str | None, invitation: str | None = None) -> User:
        """Store a new account; raise EmailTakenError, which costs the same work, and ServerBusyError.

        Raises RegistrationClosedError where nobody may register, or not without an invitation of their own. This,
        and whatever else is done with passwords, raises PasswordsOffError where there are none.
        """
        self.passwords.check_allowed()
        invited = self._admit(email, invitation)
        password_hash = await self.passwords.hash(password)
        account_id = new_account_id()
        async with self._database.acting_for_accounts() as transaction:
            created = transaction.execute(
                statements.CREATE_ACCOUNT,
                account_id=account_id, email=email, name=name, password_hash=password_hash, verified=invited,
            )  # fmt: skip
        if created.first is None:
            raise EmailTakenError
        record(Event.REGISTERED, user=account_id)
        if self._mails and not invited:
            self._mails.registered(account_id, email)
        return created.first

    def _admit(self, email: str, invitation: str | None) -> bool:
        """Raise RegistrationClosedError for who may not register; tell whether they were invited."""
        if self._registration == "closed":
            raise RegistrationClosedError
        invited = invitation is not None and self._links.is_good(invitation, "invite", email.casefold())
        if self._registration == "invite" and not invited:
            raise RegistrationClosedError(BY_INVITATION if invitation is None else INVITATION_IS_OVER)
        return invited

    async def verify_email(self, token: str) -> None:
        """Note that the address of the token's account is proven.

        Raises CredentialsInvalidError where the token is none, has ended or was used, or the address is proven.
        """
        owner = self._links.subject_of(token) or ""
        account = await self._read_password(owner)
        email = account["email"] if account else None  # who comes from a provider may have none
        if email is None or not self._links.is_good(token, "verify", verify_state(email)):
            raise _link_refused(Event.PROOF_REFUSED, owner if account else None)
        async with self._database.acting_for_accounts(owner) as transaction:
            verified = transaction.execute(statements.VERIFY_EMAIL)
        if verified.first is None:
            raise _link_refused(Event.PROOF_REFUSED, owner)
        record(Event.EMAIL_VERIFIED, user=owner)

    async def change_password(self, owner: str, current: str, new: str, kept: bytes | None) -> None:
        """Give an account another password, and end all its log-ins but the one that is `kept`.

        Raises CredentialsInvalidError where `current` is wrong, ValidationFailedError where the new one is the
        account's address, ServerBusyError, and TokenInvalidError when the account is gone.
        """
        self.passwords.check_allowed()
        account = await self._read_password(owner)
        if account is None:
            raise account_deleted() if is_account_id(owner) else CredentialsInvalidError(NO_PASSWORD)
        if account["password_hash"] is None:
            raise CredentialsInvalidError(NO_PASSWORD)
        await self._prove(owner, account["password_hash"], current)
        if is_address(new, account["email"]):
            raise ValidationFailedError([("new", OWN_ADDRESS)])
        if not await self._replace_password(owner, account["password_hash"], new, kept=kept):
            raise CredentialsInvalidError(WRONG_PASSWORD)
        record(Event.PASSWORD_CHANGED, user=owner)
        self._tell(owner, account)

    async def reset_password(self, token: str, new: str) -> None:
        """Give the account of a reset token another password, end all its log-ins, and note its address as proven.

        Where it was not proven before, whoever registered may have been somebody else, who is kept out by this: so
        personal tokens are revoked as well (OWASP, "Forgot Password Cheat Sheet"; pre-hijacked accounts).

        Raises CredentialsInvalidError where the token is none, has ended, or was used before;
        ValidationFailedError where the new password is the account's address, and ServerBusyError.
        """
        self.passwords.check_allowed()
        owner = self._links.subject_of(token) or ""
        account = await self._read_password(owner)
        stored: str | None = account["password_hash"] if account else None
        link_made = account["link_made"] if account else None
        if account is None or stored is None or link_made is None:
            raise _link_refused(Event.PASSWORD_RESET_REFUSED, owner if account else None)
        if not self._links.is_good(token, "reset", reset_state(stored, link_made)):
            raise _link_refused(Event.PASSWORD_RESET_REFUSED, owner)
        if is_address(new, account["email"]):
            raise ValidationFailedError([("password", OWN_ADDRESS)])
        is_first = not account["verified"]
        if not await self._replace_password(owner, stored, new, link_made=link_made, ends_tokens=is_first):
            raise _link_refused(Event.PASSWORD_RESET_REFUSED, owner)
        record(Event.PASSWORD_RESET, user=owner)
        self._tell(owner, account)

    def _tell(self, owner: str, account: dict[str, Any]) -> None:
        if self._mails:
            self._mails.password_changed(owner, account["email"])

    async def _replace_password(
        self,
        owner: str,
        stored: str,
        new: str,
        *,
        link_made: str | None = None,
        ends_tokens: bool = False,
        kept: bytes | None = None,
    ) -> bool:
        """Replace the password whose hash is `stored`, and end log-ins; tell whether it was still that one.

        With a link also whether it is still the newest, by the moment that it was made.
        """
        new_hash = await self.passwords.hash(new, known_device=True)
        async with self._database.acting_for_accounts(owner) as transaction:
            changed = transaction.execute(
                statements.CHANGE_PASSWORD, password_hash=stored, new_hash=new_hash, link_made=link_made
            )
            transaction.execute(statements.END_LOG_INS, kept=kept, password_hash=new_hash)
            if ends_tokens:  # also should the link have become void just now: it was good, and proves as much
                revoke_all(transaction)
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
            "has_password": False,
            "email_verified_at": None,
            "created_at": user.first["created_at"] if user.first else None,
        }

    async def delete_user(self, owner: str, password: str | None) -> None:
        """Delete a user and everything of theirs. It may be repeated.

        Who has an account with a password proves that it is theirs; raises as `change_password` does.
        """
        account = await self._read_password(owner) if is_account_id(owner) else None
        if account and account["password_hash"] is not None:
            if password is None:
                raise ValidationFailedError([("password", "is missing")])
            await self._prove(owner, account["password_hash"], password)
        await delete_user(self._database, owner)


def _link_refused(event: Event, owner: str | None) -> CredentialsInvalidError:
    """Return what is raised for a link that is not good; write a line where there is the account that it names."""
    if owner is not None:
        record(event, user=owner)
    return CredentialsInvalidError(LINK_IS_OVER)


async def delete_user(database: Database, owner: str) -> None:
    """Delete a user and everything of theirs, in one transaction that takes two roles; raise LockTimeoutError."""
    for attempts_left in reversed(range(ATTEMPTS)):
        try:
            async with database.acting_for_accounts(owner) as transaction:
                transaction.execute(statements.LOCK_ACCOUNT)
                transaction.identify(APP_ROLE)
                user = transaction.execute(statements.DELETE_USER)
                transaction.execute(REVOKE_TOKENS)  # where rows are distributed no key deletes them with the user
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
