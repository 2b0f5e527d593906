"""Google Tasks: `Tasks.json` of Google Takeout, or its archive, and lists as the Tasks API has them."""

from collections.abc import Iterator, Mapping
from typing import Any

from taskward.client.imports import times
from taskward.client.imports.archives import only
from taskward.client.imports.drafts import Draft, Uids, drafted
from taskward.client.imports.elements import document
from taskward.client.imports.files import Source
from taskward.client.imports.found import BrokenFileError, Findings, Found, Options
from taskward.client.imports.parts import an_object, objects_in

KIND = "tasks#"
LISTS = ("tasks#tasks", "tasks#taskList")  # with their tasks, and without
NOT_KEPT = {
    "created": "times of creation",
    "updated": "times of the last change",
    "completed": "times of completion",
}
KNOWN = {
    "kind", "id", "etag", "title", "notes", "status", "due", "parent", "deleted", "hidden", "position", "selfLink",
    "webViewLink", "links", "task_type", *NOT_KEPT,
}  # fmt: skip


def read(source: Source, options: Options, findings: Findings) -> Iterator[Found]:
    """Yield the tasks of all lists. Raises BrokenFileError."""
    if source.is_zip:
        source = only(source, "Tasks.json")
    uids = Uids("google")
    yield from drafted(
        _tasks(document(source.document()), findings),
        lambda _, each: _draft(each, uids, options, findings),
        findings,
    )


def _tasks(found: Any, findings: Findings) -> Iterator[tuple[Any, str, Mapping[str, Any]]]:
    """Yield each task with the title of its list, and the titles of the tasks in it."""
    for title, tasks in _lists(found, findings):
        titles = {str(task.get("id")): task.get("title") for task in tasks if isinstance(task, dict)}
        for task in tasks:
            yield task, title, titles


def _lists(found: Any, findings: Findings) -> Iterator[tuple[str, list[Any]]]:
    """Yield the title and the tasks of each list. Raises BrokenFileError."""
    whole = found if isinstance(found, dict) else {"kind": KIND, "items": found}
    entries = whole.get("items", [] if str(whole.get("kind")).startswith(KIND) else None)  # none where it is empty
    if not isinstance(entries, list):
        raise BrokenFileError("there is no list under 'items', as Google Tasks has it")
    if whole.get("nextPageToken"):
        findings.remark("This is one page of several, as 'nextPageToken' says. Import the others, too.")
    if not any(isinstance(each, dict) and ("items" in each or each.get("kind") in LISTS) for each in entries):
        yield "", entries
        return
    for each in entries:
        if not isinstance(each, dict) or not isinstance(each.get("items", []), list):
            raise BrokenFileError("there is something under 'items' that is no list of tasks")
        if each.get("kind") == LISTS[1] and "items" not in each:
            raise BrokenFileError("these are lists without their tasks. Ask for the tasks of each list.")
        yield str(each.get("title") or ""), each.get("items", [])


def _draft(
    entry: tuple[Any, str, Mapping[str, Any]], uids: Uids, options: Options, findings: Findings
) -> Draft | None:
    task, title, titles = an_object(entry[0]), entry[1], entry[2]
    if task.get("deleted") is True:
        findings.left_out["tasks that are deleted there"] += 1
        return None
    draft = Draft(
        title=str(task.get("title") or ""),
        uid=uids.of_id(task["id"]) if task.get("id") else uids.of_content(title, task.get("title")),
        description=str(task.get("notes") or ""),
        completed=task.get("status") == "completed",
        tags=[title, *options.tags],
    )
    # A midnight in UTC that means a day: turned into any other zone, it would be the day before.
    if moment := times.read_moment(task.get("due")):
        draft.due = times.on(moment.date())
    else:
        draft.add("Due", task.get("due"))
    draft.add("Parent", titles.get(str(task.get("parent")), task.get("parent")))
    for link in objects_in(task, "links"):
        draft.add("Link", " ".join(str(link[key]) for key in ("description", "link") if link.get(key)))
    for name, value in task.items():
        if name not in KNOWN:
            draft.add(name, value)
    if task.get("status") not in (None, "needsAction", "completed"):
        draft.add("Status", task["status"])
    findings.left_out.update(what for name, what in NOT_KEPT.items() if task.get(name))
    return draft
