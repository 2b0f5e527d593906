"""By what server mail goes to people, and whether they have to prove that it reaches them."""

from typing import Self

from pydantic import Field, model_validator

from taskward.settings.fields.accounts import Accounts
from taskward.settings.fields.tokens import Tokens
from taskward.settings.value_types import Sender, SmtpUrl


class Mail(Accounts, Tokens):
    """The settings of mail, which there is where all three of SMTP_URL, MAIL_FROM and PUBLIC_URL are set."""

    smtp_url: SmtpUrl | None = Field(
        None,
        description="The server that takes mail: `smtp://` with STARTTLS, or `smtps://` for TLS at once, at"
        " port 587 or 465 if none is named. User and password are percent-encoded. Without STARTTLS there is no"
        " mail, but by a server on this machine that wants no password. With `MAIL_FROM` and `PUBLIC_URL` too,"
        " people can have a link for a forgotten password mailed to them.",
        examples=["smtp://user:password@smtp.example.com"],
    )
    mail_from: Sender | None = Field(
        None,
        description="The address that mails are from, perhaps with a name before it.",
        examples=["Tasks <tasks@example.com>"],
    )
    email_verification: bool = Field(
        False,
        description="Whether people must prove that their e-mail address is theirs before they can log in. Needs"
        " mail: `SMTP_URL`, `MAIL_FROM` and `PUBLIC_URL`.",
    )

    @model_validator(mode="after")
    def _proof_needs_mail(self) -> Self:
        if self.email_verification and not self.mail_enabled:
            raise ValueError(
                "EMAIL_VERIFICATION needs mail: set SMTP_URL, MAIL_FROM and PUBLIC_URL, where people register here"
            )
        return self

    @property
    def mail_enabled(self) -> bool:
        """Whether mail is sent: to people who have accounts here, where all is said that it takes."""
        return self.accounts_enabled and None not in (self.smtp_url, self.mail_from, self.public_url)
