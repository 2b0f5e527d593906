"""Google Tasks: `Tasks.json` of Google Takeout, or its archive, and lists as the Tasks API has them."""

from collections.abc import Iterator
from typing import Any

from taskward.client.imports import times
from taskward.client.imports.archives import member, names_in
from taskward.client.imports.elements import document
from taskward.client.imports.files import Source
from taskward.client.imports.found import BrokenFileError, Draft, Findings, Found, Options, Uids, drafted

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
        name = next(name for name in names_in(source) if name.rpartition("/")[2] == "Tasks.json")
        source = member(source, name)
    uids = Uids("google")
    yield from drafted(
        _tasks(document(source.document())),
        lambda _, each: _draft(each, uids, options, findings),
        findings,
    )


def _tasks(found: Any) -> Iterator[tuple[dict[str, Any], str | None, dict[Any, Any]]]:
    """Yield each task with the title of its list, and the titles of the tasks in it."""
    for title, tasks in _lists(found):
        titles = {str(task.get("id")): task.get("title") for task in tasks}
        for task in tasks:
            yield task, title, titles


def _lists(found: Any) -> Iterator[tuple[str | None, list[dict[str, Any]]]]:
    lists = found.get("items", []) if isinstance(found, dict) else found
    if not isinstance(lists, list):
        raise BrokenFileError("there is no list under 'items', as Google Tasks has it")
    if not any(isinstance(each, dict) and each.get("kind") == "tasks#task" for each in lists):
        for each in lists:
            if isinstance(each, dict):
                yield str(each.get("title") or ""), _objects(each.get("items"))
        return
    yield None, _objects(lists)


def _objects(found: Any) -> list[dict[str, Any]]:
    return [each for each in found or () if isinstance(each, dict)]


def _draft(
    entry: tuple[dict[str, Any], str | None, dict[Any, Any]], uids: Uids, options: Options, findings: Findings
) -> Draft | None:
    task, title, titles = entry
    if task.get("deleted") is True:
        findings.left_out["tasks that are deleted there"] += 1
        return None
    draft = Draft(
        title=str(task.get("title") or ""),
        uid=uids.of_id(task["id"]) if task.get("id") else uids.of_content(title, task.get("title")),
        description=str(task.get("notes") or ""),
        completed=task.get("status") == "completed",
        tags=[title or "", *options.tags],
    )
    # A midnight in UTC that means a day: turned into any other zone, it would be the day before.
    if moment := times.read_moment(task.get("due")):
        draft.due = times.on(moment.date())
    else:
        draft.add("Due", task.get("due"))
    draft.add("Parent", titles.get(str(task.get("parent")), task.get("parent")))
    for link in _objects(task.get("links")):
        draft.add("Link", " ".join(str(link[key]) for key in ("description", "link") if link.get(key)))
    for name, value in task.items():
        if name not in KNOWN:
            draft.add(name, value)
    findings.left_out.update(what for name, what in NOT_KEPT.items() if task.get(name))
    return draft
