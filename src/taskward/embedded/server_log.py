"""What a program of PostgreSQL says of its end: of all that it wrote, the reason."""

import re
from pathlib import Path

SEVERE = re.compile(r"\b(?:FATAL|PANIC|ERROR|error): ")
BEFORE_THE_MESSAGE = re.compile(r"^(?:\d{4}-\d\d-\d\d \S+ \S+ \[\d+\] )?(?:[A-Z]+:\s+)?")
FEW = 3  # up to three lines are shown whole: a wrong setting takes two
AT_MOST = 2  # of a longer log, the last severe lines


def reason_in(text: str) -> str:
    """Return the reason in what a program wrote, in one line; empty if it wrote nothing."""
    lines = [line.strip(" ,") for line in text.splitlines() if line.strip()]
    if len(lines) > FEW:
        lines = ([line for line in lines if SEVERE.search(line)] or lines)[-AT_MOST:]
    return "; ".join(dict.fromkeys(BEFORE_THE_MESSAGE.sub("", line) for line in lines))


class ServerLog:
    """The log file of a server, to which each start appends: what was written since this was made."""

    def __init__(self, path: Path) -> None:
        """Take the path of the file, which may not be there yet."""
        self._path = path
        self._before = path.stat().st_size if path.exists() else 0

    def reason(self) -> str:
        """Return why the server has ended that was started after this was made, as `reason_in` does."""
        with self._path.open("rb") as file:
            file.seek(self._before)
            return reason_in(file.read().decode(errors="replace"))
