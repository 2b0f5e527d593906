"""What is mailed to people, and when: once the response is sent, so that no response tells whom it goes to.

The number of mails of a kind to one address is bounded, whoever asks for them.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from taskward.accounts import statements
from taskward.accounts.administration import RESET_LASTS, link_to
from taskward.auth.email_names import EmailNames
from taskward.auth.links import LinkTokens, reset_state, verify_state
from taskward.database.transaction import Database
from taskward.errors import ApiError
from taskward.mail import texts
from taskward.observability.audit import Event, record
from taskward.observability.current import at_end

if TYPE_CHECKING:
    from taskward.mail.sender import MailSender  # smtplib is loaded where mail is sent, and nowhere else

PROOF_LASTS = timedelta(days=1)
MOST_AT_ONCE = 100  # of what begins mails; the sender has room for more
STOP_SECONDS = 1.0

# Tells whether one more mail of a kind may go to an address.
Allowed = Callable[[str, str], Awaitable[bool]]

logger = logging.getLogger(__name__)


class AccountMails:
    """Mails about accounts. Nothing here fails a request, or makes one wait."""

    def __init__(
        self, database: Database, secret: bytes, public_url: str, sender: "MailSender", allowed: Allowed
    ) -> None:
        """Take the database, the secret of links, what links begin with, and who sends and who limits mails."""
        self._database = database
        self._links = LinkTokens(secret)
        self._public_url = public_url
        self._sender = sender
        self._allowed = allowed
        self._names = EmailNames(secret)
        self.running: set[asyncio.Task[None]] = set()

    def forgotten(self, email: str) -> None:
        """Mail a link for a new password, if there is an account with this address."""
        self._later(lambda: self._reset(email))

    def registered(self, account_id: str, email: str) -> None:
        """Mail a link by which the address of an account is proven."""
        self._later(lambda: self._verify(account_id, email))

    def password_changed(self, account_id: str, email: str) -> None:
        """Mail that the password was changed, and what to do if it was somebody else."""
        self._later(lambda: self._notice(account_id, email))

    async def close(self) -> None:
        """Have what has begun sent, for a moment, and tell what is lost."""
        if self.running:
            await asyncio.wait(self.running, timeout=STOP_SECONDS)
        if lost := [*self.running]:
            logger.warning("the service stops, and %d mails were not begun", len(lost))
            for task in lost:
                task.cancel()
            await asyncio.gather(*lost, return_exceptions=True)
        await asyncio.to_thread(self._sender.stop)

    async def _reset(self, email: str) -> None:
        async with self._database.acting_for_accounts() as transaction:
            made = transaction.execute(statements.MAKE_RESET_LINK_TO_MAIL, email=email)
        # Nobody's, disabled, or sent a moment ago. Only links are counted: else whoever asks uses them up.
        if made.first is None or not await self._allowed("reset", email):
            record(Event.RESET_LINK_NOT_MAILED, email=self._names.of(email))
            return
        account_id, to, password_hash, link_made = made.first.values()
        state, seconds = reset_state(password_hash, link_made), int(RESET_LASTS.total_seconds())
        link = link_to(
            self._public_url, "reset", self._links.new("reset", account_id, state, seconds), RESET_LASTS
        )
        record(Event.RESET_LINK_MAILED, user=account_id)
        self._sender.send(texts.reset(to, link.address))

    async def _verify(self, account_id: str, email: str) -> None:
        if not await self._allowed("verify", email):
            return
        token = self._links.new("verify", account_id, verify_state(email), int(PROOF_LASTS.total_seconds()))
        record(Event.PROOF_LINK_MAILED, user=account_id)
        self._sender.send(texts.verify(email, link_to(self._public_url, "verify", token, PROOF_LASTS).address))

    async def _notice(self, account_id: str, email: str) -> None:
        if not await self._allowed("notice", email):
            return
        record(Event.PASSWORD_NOTICE_MAILED, user=account_id)
        self._sender.send(texts.notice(email, f"{self._public_url}/#forgotten"))

    def _later(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        at_end(lambda: self._begin(work))

    def _begin(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        if len(self.running) >= MOST_AT_ONCE:
            logger.warning("a mail was dropped: too many are being begun")
            return
        task = asyncio.create_task(_without_failing(work))
        self.running.add(task)
        task.add_done_callback(self.running.discard)


async def _without_failing(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    try:
        await work()
    except ApiError as error:  # the database is away
        logger.warning("a mail was not begun: %s", error.code)
    except Exception:
        logger.exception("a mail was not begun")
