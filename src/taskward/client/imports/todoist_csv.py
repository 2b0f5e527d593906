"""Todoist's table: a row for each task, its notes below it, and sections between."""

import re
from collections.abc import Iterator, Mapping

from taskward.client.imports import tables, times
from taskward.client.imports.drafts import Draft, Uids
from taskward.client.imports.files import Source
from taskward.client.imports.found import BrokenFileError, Findings, Found, Options

PRIORITIES = {"1": "high", "2": "medium", "3": "low"}  # counted down, as the page shows it; the API counts up
LABEL = re.compile(r"(?:^|\s)@([^\s@,]+)")
DAY_AND_TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[ T]([0-2][0-9]:[0-5][0-9]))?\Z", re.ASCII)
KNOWN = {
    "TYPE", "CONTENT", "DESCRIPTION", "IS_COLLAPSED", "PRIORITY", "INDENT", "AUTHOR", "RESPONSIBLE", "DATE",
    "DATE_LANG", "TIMEZONE", "DURATION", "DURATION_UNIT", "DEADLINE", "DEADLINE_LANG",
}  # fmt: skip
NOTHING = ("", "None")


class Project:
    """A project, read row by row: the section and the tasks above the row at hand."""

    def __init__(
        self, name: str, uids: Uids, options: Options, findings: Findings, before: int = 0, where: str = ""
    ) -> None:
        """Take its name, which may be unknown, how many rows came before, and where it is in an archive."""
        self._name, self._uids, self._options, self._findings = name, uids, options, findings
        self._before, self._where = before, where
        self._section = ""
        self._parents = [""]
        self._last: tuple[int, Draft] | None = None
        self.row = before

    def read(self, source: Source) -> Iterator[Found]:
        """Yield the tasks of a table. A task is there when the next one begins: its notes stand below it."""
        names, rows = tables.table(source)
        names = [name.upper() for name in names]
        if not {"TYPE", "CONTENT"} <= set(names):
            raise BrokenFileError("there are no columns TYPE and CONTENT, as Todoist has them")
        if repeated := tables.repeated(names):
            raise BrokenFileError(f"the name {repeated[0].upper()!r} stands in the first line more than once")
        for number, cells in rows:
            self.row = self._before + number
            if isinstance(cells, str):
                self._findings.refuse(self.row, f"{self._where}{cells}")
            elif found := self._take(tables.cells_of(names, cells)):
                yield found
        if found := self._take({}):
            yield found

    def _take(self, row: Mapping[str, str]) -> Found | None:
        """Take a row; return the task above it, when it has all its notes."""
        kind = row.get("TYPE", "").strip().lower()
        if kind == "note" and self._last:
            self._last[1].add("Note", row["CONTENT"])
            return None
        done = self._last
        self._last = (self.row, self._task(row)) if kind == "task" else None
        if kind == "section":
            self._section = row["CONTENT"]
        elif kind == "note":
            self._findings.left_out["notes of a project"] += 1
        elif kind not in ("", "task", "meta"):
            self._findings.left_out[f"rows of the type {kind}"] += 1
        return done[1].found(done[0], self._findings) if done else None

    def _task(self, row: Mapping[str, str]) -> Draft:
        draft = _draft(row, (self._name, self._section), self._uids, self._options)
        level = int(row["INDENT"][:4]) if row.get("INDENT", "").isdecimal() else 1
        self._parents[level:] = [draft.title]
        if 1 < level <= len(self._parents):
            draft.add("Parent", self._parents[level - 1])
        return draft


def _draft(row: Mapping[str, str], place: tuple[str, str], uids: Uids, options: Options) -> Draft:
    project, section = place
    title, labels = _without_labels(row["CONTENT"])
    draft = Draft(
        title=title,
        uid=uids.of_content(project, title),
        description=row.get("DESCRIPTION", ""),
        tags=[project, *labels, *options.tags],
    )
    draft.prioritise(row.get("PRIORITY", "").strip(), PRIORITIES, none=("", "4"))
    draft.due = _due_of_words(row.get("DATE", ""), row.get("TIMEZONE", ""), draft)
    draft.add("Section", section)
    draft.add("Deadline", row.get("DEADLINE"))
    duration = row.get("DURATION", "").strip()
    draft.add("Duration", "" if duration in NOTHING else f"{duration} {row.get('DURATION_UNIT', '')}")
    draft.add("Assigned to", row.get("RESPONSIBLE"))
    for name, cell in row.items():
        if name not in KNOWN:
            draft.add(name, cell)
    return draft


def _without_labels(content: str) -> tuple[str, list[str]]:
    """Return a text without its labels, such as `@home`, and these; a text that is nothing else stays."""
    text = LABEL.sub("", content).strip()
    return (text, LABEL.findall(content)) if text else (content, [])


def _due_of_words(words: str, zone: str, draft: Draft) -> dict[str, str]:
    """Return a date that is written as one. All other words are kept: what they mean, only Todoist knows."""
    found = DAY_AND_TIME.match(words.strip())
    day = times.read_day(found[1]) if found else None
    if found is None or day is None or (found[2] or "") > "23:59":
        draft.add("Date", words.strip())
        return {}
    if not found[2]:
        return times.on(day)
    there = times.zone_called(zone.strip())
    return {**times.on(day), "due_time": found[2], **({"due_zone": there.key} if there else {})}
