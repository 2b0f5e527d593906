"""Markdown: each item of a list is a task, with or without a box to tick; the headings above it are tags."""

import json
import re
from collections.abc import Iterator
from itertools import chain

from taskward.client.days import TIME
from taskward.client.fields import PRIORITIES
from taskward.client.imports import times
from taskward.client.imports.drafts import Draft, Uids, own_of
from taskward.client.imports.files import Source
from taskward.client.imports.found import Findings, Found, Options
from taskward.client.imports.tables import CUT

ITEM = re.compile(r"([ \t]*)(?:[-*+]|[0-9]{1,9}[.)])[ \t]+(?:\[([ xX])\](?:[ \t]+|\Z))?(.*)\Z", re.ASCII)
RULE = re.compile(r"[ \t]*([-*])(?:[ \t]*\1){2,}[ \t]*\Z")
HEADING = re.compile(r"#{1,6}[ \t]+(.*?)[ \t]*#*\Z")
DETAIL = re.compile(r"(Due|Priority|Tags|Uid|Description): (.+)\Z")
FENCE = re.compile(r"[ \t]*(?:```|~~~)")


def read(source: Source, options: Options, findings: Findings) -> Iterator[Found]:
    """Yield the tasks. Numbers of rows are those of lines."""
    uids, outline = Uids("markdown"), Outline(findings)
    has_names, is_ended = False, source.is_ended
    for row, line in chain(_lines(source, findings), [(0, "# ")]):
        done = outline.take(row, line)
        if done is None:
            continue
        number, heading, draft = done
        has_names = has_names or bool(draft.uid)
        # We wrote it, and what we write has a name for each task, and a line end.
        if has_names and not is_ended and not (row and draft.uid):
            findings.refuse(number, CUT)
            continue
        draft.uid = draft.uid or uids.of_content(heading, draft.title)
        draft.tags = [heading, *draft.tags, *options.tags]
        if found := draft.found(number, findings):
            yield Found(number, *own_of(found.task))


class Outline:
    """A text, read line by line: the heading, the items above, and the item that is not done yet."""

    def __init__(self, findings: Findings) -> None:
        """Take where to tell of what is in no list."""
        self._findings = findings
        self._heading = ""
        self._above: list[tuple[int, str]] = []
        self._last: tuple[int, str, Draft] | None = None

    def take(self, row: int, line: str) -> tuple[int, str, Draft] | None:
        """Take a line; return the task above it, with its line and heading, when nothing more belongs to it."""
        item = None if RULE.match(line) else ITEM.match(line)
        if not line.strip() or self._belongs(line, item):
            return None
        done, self._last = self._last, None
        if item:
            self._begin(row, item)
        elif title := HEADING.match(line):
            self._heading, self._above = title[1], []
        elif line != "# ":
            self._findings.left_out["lines that are in no list"] += 1
        return done

    def _belongs(self, line: str, item: re.Match[str] | None) -> bool:
        """Take a line that says something of the task above it; tell whether it does."""
        if self._last is None or line[:1] not in " \t":
            return False
        draft = self._last[2]
        if item is None:
            draft.description = "\n".join(filter(None, (draft.description, line.strip())))
            return True
        return _depth(item) > self._above[-1][0] and item[2] is None and _is_detail(item[3], draft)

    def _begin(self, row: int, item: re.Match[str]) -> None:
        while self._above and self._above[-1][0] >= _depth(item):
            self._above.pop()
        draft = Draft(title=_text(item[3]), uid="", completed=(item[2] or " ") in "xX")
        if self._above:
            draft.add("Parent", self._above[-1][1])
        self._above.append((_depth(item), draft.title))
        self._last = (row, self._heading, draft)


def _depth(item: re.Match[str]) -> int:
    return len(item[1].expandtabs(4))


def _lines(source: Source, findings: Findings) -> Iterator[tuple[int, str]]:
    """Yield lines with their numbers, but those of code."""
    is_code = False
    for row, line in enumerate(source.lines(), 1):
        if FENCE.match(line):
            is_code = not is_code
        elif is_code:
            findings.left_out["lines of code"] += 1
        else:
            yield row, line.rstrip("\r\n")


def _text(text: str) -> str:
    """Return a text, which stands there as JSON where it is not plain."""
    text = text.strip()
    if text.startswith('"') and text.endswith('"'):
        try:
            found = json.loads(text)
        except ValueError:
            return text
        if isinstance(found, str):
            return found
    return text


def _is_detail(text: str, draft: Draft) -> bool:
    """Take what a line below a task says of it; tell whether it did, or is a task of its own."""
    found = DETAIL.match(text.strip())
    if found is None:
        return False
    name, value = found[1], _text(found[2])
    said = {"Due": draft.due, "Priority": draft.priority, "Tags": draft.tags, "Uid": draft.uid}
    if said.get(name, draft.description):
        return False  # what is said twice is a task of its own, so that nothing is lost
    if name == "Due":
        return _is_due(value, draft)
    if name == "Priority":
        draft.priority = value.lower() if value.lower() in PRIORITIES else draft.priority
        return value.lower() in PRIORITIES
    if name == "Tags":
        draft.tags += [tag.strip() for tag in value.split(",")]
    else:
        setattr(draft, name.lower(), value)
    return True


def _is_due(text: str, draft: Draft) -> bool:
    day, time, zone = (*text.split(), "", "", "")[:3]
    if not times.read_day(day) or (time and not TIME.fullmatch(time)) or (zone and not times.zone_called(zone)):
        return False
    parts = {"due_date": day, "due_time": f"{time:0>5}" if time else "", "due_zone": zone}
    draft.due = {name: value for name, value in parts.items() if value}
    return True
