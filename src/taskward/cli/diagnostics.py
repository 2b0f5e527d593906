"""What `taskward doctor` finds, one line each."""

from dataclasses import dataclass
from typing import Literal

from taskward.terminal_text import harmless


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """Something that was looked at. A problem is why things do not work, a note why they might not for long."""

    level: Literal["ok", "note", "problem"]
    subject: str
    text: str

    def __str__(self) -> str:
        return f"{self.level:<8} {self.subject:<10} {harmless(self.text)}"
