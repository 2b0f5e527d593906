"""What is mailed: plain text, one sentence and one link each. The link's token stands behind `#` and in no log."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["reset", "verify", "notice", "test"]


@dataclass(frozen=True, slots=True, repr=False)
class Mail:
    """A mail to one address. Without a `repr`, so that no log can show its link by accident."""

    kind: Kind
    to: str
    subject: str
    sentence: str
    link: str

    @property
    def text(self) -> str:
        """The body."""
        return f"{self.sentence}\n\n{self.link}\n"


def reset(to: str, link: str) -> Mail:
    """Return the mail for who has forgotten a password."""
    sentence = (
        "Somebody, perhaps you, asked for a new password for your account: choose one with this link within 30"
        " minutes, or ignore this mail if you did not ask."
    )
    return Mail("reset", to, "Choose a new password", sentence, link)


def verify(to: str, link: str) -> Mail:
    """Return the mail by which somebody shows that an address is theirs."""
    sentence = (
        "An account was made with this e-mail address: say that the address is yours with this link within a day,"
        " or ignore this mail if the account is not yours."
    )
    return Mail("verify", to, "Is this your e-mail address?", sentence, link)


def notice(to: str, link: str) -> Mail:
    """Return the mail after a change of the password."""
    sentence = (
        "The password of your account was changed: if that was not you, ask for a new one here at once, which ends"
        " every log-in, and revoke the personal tokens that you do not know."
    )
    return Mail("notice", to, "Your password was changed", sentence, link)


def test(to: str, link: str) -> Mail:
    """Return what `taskward doctor mail` sends."""
    sentence = "This is a test: mail of the service at this address reaches you."
    return Mail("test", to, "Test of the mail of a task service", sentence, link)
