"""What is told at the end of an import, however it ends: what was done, what was not, and what to do."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import typer

from taskward.cli.output import print_json
from taskward.client.importing import Tally
from taskward.client.imports.found import Findings, in_rows
from taskward.terminal_text import harmless

TOLD_REFUSALS = 20
REPEAT = "Repeat the command to go on: what is there is not created again."


@dataclass(slots=True)
class Report:
    """An import, as far as it came."""

    kind: str | None  # of the file, once that is known
    tally: Tally
    findings: Findings
    stopped: str | None = None  # by what
    deleted: Sequence[int] = field(default=())
    is_begun: bool = False

    @property
    def refused(self) -> list[tuple[int, str]]:
        """The rows that are no tasks, of this reader and of the service, in their order."""
        return sorted(self.findings.refused + self.tally.refused)

    @property
    def is_success(self) -> bool:
        """Whether every row is a task now."""
        return not self.refused and self.stopped is None

    def print(self, *, as_json: bool) -> None:
        """Print all of it; for people no summary where nothing was begun, such as without a file."""
        if as_json:
            self.print_json()
        elif self.is_begun:
            self.print_summary()
        self.print_rest()

    def print_json(self) -> None:
        """Print all of it, for programs."""
        refused = [{"row": row, "detail": detail} for row, detail in self.refused]
        stopped = None if self.stopped is None else {"before_row": self._next_row, "detail": self.stopped}
        print_json(
            {
                "format": self.kind,
                "rows": self._rows,
                "created": self.tally.created,
                "already_there": self.tally.there,
                "refused": refused,
                "left_out": self.findings.left_out,
                "created_again": list(self.deleted),
                "remarks": self.findings.remarks,
                "stopped": stopped,
            }
        )

    def print_summary(self) -> None:
        """Print a line for people: how many rows there were, and what became of them."""
        if self.stopped is not None:
            typer.echo(f"{self.tally.created} created{self._there()} before row {self._next_row}.")
            return
        parts = (
            f"{self.tally.created} created",
            f"{self.tally.there} already there" if self.tally.there else "",
            f"{len(self.refused)} refused" if self.refused else "",
        )
        added = " Nothing was added." if self.tally.there == self._rows > 0 else ""
        typer.echo(f"{self._rows} rows: {', '.join(filter(None, parts))}.{added}")

    def print_rest(self) -> None:
        """Print on standard error what else there is to say."""
        for sentence in self._sentences():
            typer.echo(f"taskward: {harmless(sentence)}", err=True)

    @property
    def _rows(self) -> int:
        return self.tally.rows + len(self.findings.refused)

    @property
    def _next_row(self) -> int:
        read = max(self.tally.read, *(row for row, _ in self.findings.refused), 0)
        return self.tally.stopped_at or read + 1

    def _there(self) -> str:
        return f", {self.tally.there} already there" if self.tally.there else ""

    def _sentences(self) -> Iterable[str]:
        yield from self.findings.remarks
        yield from told_left_out(self.findings)
        if self.deleted:
            yield f"{in_rows(self.deleted)} had been imported before and deleted since: created again."
        yield from told_refusals(self.refused)
        if self.stopped is not None:
            yield self.stopped
        if self.stopped is not None and self.is_begun:
            yield REPEAT


def told_left_out(findings: Findings) -> Iterable[str]:
    """Yield what of a file has no place here, and how often."""
    for name, count in findings.left_out.items():
        yield f"left out: {name} ({count:,} {'time' if count == 1 else 'times'})"


def told_refusals(refused: Sequence[tuple[int, str]]) -> Iterable[str]:
    """Yield what is wrong with which rows; what is wrong with many of them alike is one sentence."""
    rows: dict[str, list[int]] = defaultdict(list)
    for row, detail in refused:
        rows[detail].append(row)
    for detail in list(rows)[:TOLD_REFUSALS]:
        yield f"{in_rows(rows[detail])}: {detail}"
    if len(rows) > TOLD_REFUSALS:
        more = sum(len(rows[detail]) for detail in list(rows)[TOLD_REFUSALS:])
        yield f"and {more} more; --json names them all"
