import json
import os

import psycopg
import pytest

from tests.cli.client.people import Person

pytestmark = pytest.mark.quick

HOSTILE = "\x1b]0;gone\x07\x1b[2J\u202etxt.exe\x9b31m\x7f [red]markup[/red] \\ \ud83d\ude00".encode(
    "utf-16", "surrogatepass"
).decode("utf-16")


def test_a_task_is_made_of_words(alice: Person) -> None:
    task = alice("add", "Buy", "milk", "--json").json
    assert (task["title"], task["description"], task["completed"]) == ("Buy milk", None, False)
    assert alice("show", str(task["id"]), "--json").json == task
    done = alice("add", "Bread", "-d", "Two loaves\nof rye", "--done")
    assert done.stdout.startswith("Created task ")
    assert "  done, revision 2\n" in done.stdout
    assert done.stdout.endswith("  | Two loaves\n  | of rye\n")


def test_text_can_come_from_a_pipe_and_comes_back_when_it_is_refused(alice: Person) -> None:
    task = alice("add", "Poem", "-d", "-", "--json", stdin="Roses\nare\n").json
    assert task["description"] == "Roses\nare"
    edited = alice("edit", str(task["id"]), "--title", "-", "--json", stdin="Song\n").json
    assert edited["title"] == "Song"
    for arguments in (("add", "-"), ("edit", str(task["id"]), "--title", "-")):
        done = alice(*arguments, stdin="x" * 201)
        assert done.code == 1
        sentence, given_back = done.stderr.splitlines()
        assert "A title can have up to 200 characters; this one has 201" in sentence
        assert json.loads(given_back.removeprefix("taskward: not saved: "))["title"] == "x" * 201
    assert alice("add", "-", "-d", "-", stdin="x").code == 2


def test_a_key_of_ones_own_makes_a_task_once(alice: Person) -> None:
    first = alice("add", "Once", "--key", "k", "--json").json
    assert alice("add", "Once", "--key", "k", "--json").json == first
    assert alice("add", "Once", "--key", "k").stdout.startswith("Created before: task ")
    assert alice("add", "Twice", "--key", "k").code == 1
    assert alice("list", "--json").json["count"] == 1


def test_lists_are_asked_for_as_the_api_has_them(alice: Person) -> None:
    for title in ("b", "a", "c"):
        alice("add", title, *(("--done",) if title == "c" else ()))

    def titles(*arguments: str) -> str:
        return "".join(task["title"] for task in alice("list", *arguments, "--json").json["tasks"])

    assert titles() == "cab"
    assert titles("--sort", "title") == "abc"
    assert titles("--sort", "created", "--order", "asc") == "bac"
    assert titles("--open") == titles("--status", "open") == titles("--status", "pending") == "ab"
    assert titles("--done") == titles("--status", "done") == titles("--status", "completed") == "c"
    assert titles("--status", "all") == "cab"
    assert alice("list", "--open", "--status", "done").code == 2
    page = alice("list", "--limit", "2", "--json").json
    assert page["count"] == 3
    assert titles("--limit", "2", "--cursor", page["next_cursor"]) == "b"
    assert alice("list", "--limit", "0").code == 2
    assert alice("list", "--cursor", "broken").code == 1


def test_all_pages_are_one_document(alice: Person, tmp_path: object) -> None:
    rows = "".join(json.dumps({"title": str(number)}) + "\n" for number in range(60))
    (alice.home / "rows.jsonl").write_text(rows)
    assert alice("import", str(alice.home / "rows.jsonl")).code == 0
    found = alice("list", "--all", "--json").json
    assert (len(found["tasks"]), found["count"], found["next_cursor"]) == (60, 60, None)
    plain = alice("list")
    assert plain.stderr == "50 of 60; --all shows the rest.\n"
    assert len(plain.stdout.splitlines()) == 50
    assert len(alice("list", "--all").stdout.splitlines()) == 60


def test_a_list_is_as_long_as_was_asked_for_though_the_api_makes_more_pages_of_it(
    alice: Person, superuser_there: psycopg.Connection
) -> None:
    user_id = alice("add", "Buy milk", "--json").json["user_id"]
    superuser_there.execute(
        "INSERT INTO tasks (user_id, title, description)"
        " SELECT %s, 'large', repeat(chr(128512), 1000) FROM generate_series(1, 600)",
        [user_id],
    )
    first = alice("list", "--limit", "550", "--json").json
    assert (len(first["tasks"]), first["count"]) == (550, 601)
    rest = alice("list", "--limit", "550", "--cursor", first["next_cursor"], "--json").json
    assert (len(rest["tasks"]), rest["next_cursor"]) == (51, None)
    ids = [task["id"] for task in first["tasks"] + rest["tasks"]]
    assert ids == sorted(set(ids), reverse=True)
    assert [task["id"] for task in alice("list", "--all", "--json").json["tasks"]] == ids


def test_where_nobody_watches_a_list_is_lines_with_tabs(alice: Person) -> None:
    task = alice("add", "With\ttab\nand line", "--json").json
    (line,) = alice("list").stdout.splitlines()
    assert line.split("\t") == [str(task["id"]), "-", "With\\ttab\\nand line", task["updated_at"], "", "", ""]


def test_editing_changes_what_it_names(alice: Person) -> None:
    task_id = str(alice("add", "Milk", "-d", "Two litres", "--json").json["id"])
    assert alice("edit", task_id, "--title", "Oat milk", "--json").json["description"] == "Two litres"
    edited = alice("edit", task_id, "--no-description", "--json").json
    assert (edited["title"], edited["description"]) == ("Oat milk", None)
    assert alice("done", task_id, "--json").json["completed"] is True
    assert alice("done", task_id, "--json").json["completed"] is True
    assert alice("undone", task_id, "--json").json["completed"] is False
    assert alice("edit", task_id).code == 2
    assert alice("edit", task_id, "-d", "x", "--no-description").code == 2


@pytest.mark.parametrize("command", [("edit", "--title", "Mine"), ("done",), ("delete", "--yes")])
def test_a_task_that_changed_is_left_alone_unless_forced(alice: Person, command: tuple[str, ...]) -> None:
    seen = alice("add", "Seen", "--json").json
    task_id = str(seen["id"])
    now = alice("edit", task_id, "--title", "Theirs", "--json").json
    name, *options = command
    done = alice(name, task_id, *options, "--revision", str(seen["revision"]))
    assert (done.code, done.stdout) == (5, "")
    assert f"revision {now['revision']}, open, with the title 'Theirs'" in done.stderr
    assert alice("show", task_id, "--json").json == now
    assert alice(name, task_id, *options, "--revision", str(seen["revision"]), "--force").code == 0


def test_a_deleted_task_is_gone(alice: Person) -> None:
    task_id = str(alice("add", "Gone", "--json").json["id"])
    assert alice("delete", task_id).code == 2  # there is nobody to ask
    assert alice("delete", task_id, "--yes", "--json").json == {"id": int(task_id), "deleted": True}
    for command in (("show",), ("done",), ("delete", "--yes")):
        done = alice(command[0], task_id, *command[1:])
        assert (done.code, done.stderr) == (1, "taskward: There is no task with this id.\n")
    assert alice("show", "0").code == 2


def test_bob_cannot_touch_alices_task(alice: Person) -> None:
    task_id = str(alice("add", "Alice's", "--json").json["id"])
    bob = Person(alice.home / "bob", alice.server).has_token("bob")
    for command in (("show",), ("edit", "--title", "x"), ("done", "--force"), ("delete", "--yes")):
        done = bob(command[0], task_id, *command[1:])
        assert (done.code, done.stderr) == (1, "taskward: This belongs to another user.\n")
    assert alice("show", task_id, "--json").json["title"] == "Alice's"


def test_a_title_can_do_nothing_to_a_terminal(alice: Person) -> None:
    task = alice("add", HOSTILE, "-d", HOSTILE, "--json").json
    assert task["title"] == HOSTILE
    task_id = str(task["id"])
    shown = alice("show", task_id).stdout + alice("list").stdout + alice("show", task_id, "--json").stdout
    shown += alice("done", task_id, "--revision", "999").stderr
    shown += alice("delete", task_id, "--yes").stdout
    assert "gone" in shown
    assert all(character.isprintable() or character == "\t" for line in shown.split("\n") for character in line)


def test_bytes_that_are_no_text_are_the_services_to_refuse(alice: Person) -> None:
    done = alice("add", os.fsdecode(b"caf\xe9"))
    assert done.code == 1
    assert "Traceback" not in done.stderr


def test_a_locale_without_the_letters_of_a_title_shows_it_all_the_same(alice: Person) -> None:
    alice("add", "日本")
    alice.env["PYTHONIOENCODING"] = "latin-1"
    done = alice.run("list")
    assert (done.code, done.stdout.split("\t")[2]) == (0, "\\u65e5\\u672c")
