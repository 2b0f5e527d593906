"""TickTick: the CSV of its backup, with some lines before the names of the columns."""

import re
from collections.abc import Iterator, Mapping

from taskward.client.imports import tables, times
from taskward.client.imports.drafts import Draft, Uids
from taskward.client.imports.files import Source
from taskward.client.imports.found import Findings, Found, Options

PRIORITIES = {"5": "high", "3": "medium", "1": "low"}
DONE = ("1", "2")  # completed, archived
ABANDONED = "-1"
NAMES = {
    "Folder Name": "Folder",
    "Kind": None,
    "Start Date": "Start",
    "Reminder": "Reminder",
    "Repeat": "Repeat",
    "Column Name": "Column",
}
NOT_KEPT = {"Created Time": "times of creation", "Completed Time": "times of completion"}
KNOWN = {
    "List Name", "Title", "Tags", "Content", "Is Check list", "Due Date", "Priority", "Status", "Order",
    "Timezone", "Is All Day", "Is Floating", "Column Order", "View Mode", "taskId", "parentId", *NAMES, *NOT_KEPT,
}  # fmt: skip


def read(source: Source, options: Options, findings: Findings) -> Iterator[Found]:
    """Yield the tasks. Raises BrokenFileError."""
    names, rows = tables.table(source, begins_with="List Name")
    uids = Uids("ticktick")
    titles: dict[str, str] = {}
    for number, cells in rows:
        if isinstance(cells, str):
            findings.refuse(number, cells)
            continue
        row = tables.cells_of(names, cells)
        titles[row.get("taskId", "")] = row.get("Title", "")
        draft = _draft(row, uids, options, findings)
        if parent := row.get("parentId", "").strip():
            draft.add("Parent", titles.get(parent, parent))
        if found := draft.found(number, findings):
            yield found


def _draft(row: Mapping[str, str], uids: Uids, options: Options, findings: Findings) -> Draft:
    title, status = row.get("Title", ""), row.get("Status", "").strip()
    draft = Draft(
        title=title,
        # `taskId` counts the rows of a backup: it is another one in the next.
        uid=uids.of_content(title, row.get("Created Time", "")),
        description=_content(row.get("Content", "")),
        completed=status in DONE,
        tags=[row.get("List Name", ""), *re.split(r",\s*", row.get("Tags", "")), *options.tags],
    )
    draft.prioritise(row.get("Priority", "").strip(), PRIORITIES, none=("", "0"))
    draft.due = _due(row, draft, options)
    for name, ours in NAMES.items():
        if ours and row.get(name) and not (name == "Start Date" and row[name] == row.get("Due Date")):
            draft.add(ours, row[name])
    if row.get("Kind") == "NOTE":
        draft.add("Kind", "note")
    if status not in ("", "0", *DONE):
        draft.add("Status", "won't do" if status == ABANDONED else status)
    for name, cell in row.items():
        if name not in KNOWN:
            draft.add(name, cell)
    findings.left_out.update(what for name, what in NOT_KEPT.items() if row.get(name))
    return draft


def _content(text: str) -> str:
    """Return what is written below a title, in which the items of a check list have boxes of their own."""
    return text.replace("▫", "[ ] ").replace("▪", "[x] ")


def _due(row: Mapping[str, str], draft: Draft, options: Options) -> dict[str, str]:
    text = row.get("Due Date", "").strip()
    moment = times.read_moment(text)
    if moment is None:
        draft.add("Due", text)
        return {}
    zone = times.zone_called(row.get("Timezone", "").strip()) or times.users_zone(options)
    if row.get("Is All Day", "").strip().lower() == "true":
        return times.on(times.day_of_midnight(moment if moment.tzinfo else moment.astimezone(zone), zone)[0])
    if row.get("Is Floating", "").strip().lower() == "true":
        return times.at(moment.astimezone(zone).replace(tzinfo=None))
    return times.at(moment, zone)
