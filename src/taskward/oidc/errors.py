"""How a log-in with a provider can end without anybody being logged in, as the person is told."""

from enum import Enum


class Problem(Enum):
    """A word for the page, which has a sentence of its own (sign-in.js), and the sentence for a terminal."""

    OVER = "over", "This log-in is over, or was begun in another browser. Please log in again."
    DENIED = "denied", "You have not let the provider say who you are. Nobody is logged in."
    AWAY = "away", "The provider does not answer. Please try again in a moment."
    REFUSED = "refused", "The provider's answer cannot be trusted or used. Ask whoever runs this service."
    CLOSED = "closed", "You have no account here, and nobody can register. Ask whoever runs this service."
    DISABLED = "disabled", "Your account is disabled. Ask whoever runs this service."
    BUSY = "busy", "The service is busy at this moment. Please try again."
    OFTEN = "often", "Too many log-ins were tried from here. Please try again in a minute."

    def __init__(self, word: str, sentence: str) -> None:
        self.word = word
        self.sentence = sentence


class LogInFailedError(Exception):
    """Nobody is logged in. `reason` is for the log: no part of a code, a token or a secret is in it."""

    def __init__(self, problem: Problem, reason: str) -> None:
        super().__init__(reason)
        self.problem = problem
        self.reason = reason
