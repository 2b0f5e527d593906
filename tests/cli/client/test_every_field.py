"""Every field through every command, driven by the service's list of fields.

Commands that are given a field take an option of its name, or of the word that `OPTIONS` has for it; those that
remove one, `--no-` before that.
"""

import csv
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from taskward.client.fields import FIELDS, SETTABLE
from taskward.tasks import fields as service
from tests.cli.client.people import Person
from tests.tasks.fields import CHANGEABLE_NAMES, NAMES, SAMPLES, task_with

pytestmark = pytest.mark.quick

Words = Callable[[Any], tuple[str, ...]]

every_field = pytest.mark.parametrize("name", NAMES)
# Where a field has no option of its own: how it is given to `add`, and how it is changed.
ADDED: dict[str, Words] = {
    "title": lambda value: (value,),
    "completed": lambda value: ("--done",) if value else (),
}
CHANGED: dict[str, Words] = {"completed": lambda value: ("done" if value else "undone",)}
# The words that people have for fields: to set one, and to remove it.
OPTIONS = {"due_date": "due", "due_time": "at", "due_zone": "zone", "tags": "tag"}
REMOVED = {**OPTIONS, "tags": "tags"}


def added(alice: Person, name: str) -> dict[str, Any]:
    """Run `taskward add` with a value for the field, and return what the service has."""
    body = task_with(name, SAMPLES[name].one)
    title = body.pop("title")
    options = [word for each, value in body.items() for word in ADDED.get(each, partial(options_of, each))(value)]
    done = alice("add", title, *options, "--json")
    assert done.code == 0, done.stderr
    return dict(done.json)


def options_of(name: str, value: Any) -> tuple[str, ...]:
    return tuple(word for each in values_of(value) for word in (f"--{OPTIONS.get(name, name)}", each))


def values_of(value: Any) -> list[str]:
    return list(map(str, value)) if isinstance(value, list) else [str(value)]


def test_the_client_knows_the_fields_of_the_service() -> None:
    assert list(FIELDS) == list(service.FIELDS)
    assert sorted(SETTABLE) == sorted(service.SETTABLE)


@every_field
def test_add_show_and_list(alice: Person, name: str) -> None:
    task = added(alice, name)
    assert task[name] == SAMPLES[name].one
    assert alice("show", str(task["id"]), "--json").json == task
    assert alice("list", "--json").json["tasks"] == [task]
    shown = alice("show", str(task["id"])).stdout
    for text in ("done",) if name == "completed" else values_of(SAMPLES[name].one):
        assert text in shown


@pytest.mark.parametrize("name", CHANGEABLE_NAMES)
def test_edit(alice: Person, name: str) -> None:
    task_id = str(added(alice, name)["id"])
    if name in CHANGED:
        done = alice(*CHANGED[name](SAMPLES[name].other), task_id, "--json")
    else:
        done = alice("edit", task_id, *options_of(name, SAMPLES[name].other), "--json")
    assert done.code == 0, done.stderr
    assert done.json[name] == SAMPLES[name].other
    if (default := service.SETTABLE[name].default) in (None, []):
        assert alice("edit", task_id, f"--no-{REMOVED.get(name, name)}", "--json").json[name] == default


@every_field
@pytest.mark.parametrize("ending", ["json", "jsonl", "csv"])
def test_export_and_import(alice: Person, name: str, ending: str) -> None:
    task = added(alice, name)
    alice("add", "Another task", "--json")
    file = alice.home / f"tasks.{ending}"
    assert alice("export", str(file)).code == 0
    assert name in (exported := rows_of(file.read_text(), ending)[0])
    assert exported.keys() == task.keys()
    bob = Person(alice.home / "bob", alice.server).has_token(f"bob-{name}-{ending}")
    assert bob("import", str(file), "--in-flight", "1").code == 0
    ours = alice("list", "--all", "--json").json["tasks"]
    theirs = [each | named_by_import(each) for each in bob("list", "--all", "--json").json["tasks"]]
    assert [each[name] for each in theirs] == [each[name] for each in ours]


@every_field
def test_rows_that_differ_in_one_field_alone_are_different_tasks(alice: Person, name: str) -> None:
    file = alice.home / "tasks.jsonl"
    for value in (SAMPLES[name].one, SAMPLES[name].other):
        file.write_text(json.dumps(task_with(name, value)))
        done = alice("import", str(file), "--json").json
        assert (done["created"], done["refused"]) == (1, [])
    assert alice("import", str(file), "--json").json["already_there"] == 1


def named_by_import(task: dict[str, Any]) -> dict[str, None]:
    """Return what a row without a name had before an import gave it one, so that it can be repeated."""
    return {"uid": None} if task["uid"].startswith("import-") else {}


def rows_of(text: str, ending: str) -> list[dict[str, Any]]:
    if ending == "csv":
        return list(csv.DictReader(text.splitlines()))
    rows: list[dict[str, Any]] = json.loads(text) if ending == "json" else list(map(json.loads, text.splitlines()))
    return rows
