"""What only somebody at a terminal sees."""

import re

import pytest

from tests.cli.client.people import Person

COLOUR = "\x1b["


@pytest.mark.parametrize("no_colour", [False, True])
def test_a_list_is_a_table(alice: Person, no_colour: bool) -> None:
    task = alice("add", "Buy \x1b[31mmilk [bold]", "--done", "--json").json
    terminal = alice.at_a_terminal("list", **({"NO_COLOR": "1"} if no_colour else {}))
    assert terminal.end() == 0
    assert (COLOUR in terminal.output) is not no_colour
    lines = re.sub(r"\x1b\[[0-9;]*m", "", terminal.output)
    assert re.search(r" id +done +title +updated ", lines)
    when = task["updated_at"][:16].replace("T", " ")
    assert re.search(rf" {task['id']} +x +Buy \\x1b\[31mmilk \[bold\] +{when} ", lines)
    assert "\x1b[31m" not in terminal.output


@pytest.mark.parametrize(("answer", "left"), [("y", 0), ("n", 1), ("", 1)])
def test_deleting_asks_first(alice: Person, answer: str, left: int) -> None:
    task_id = str(alice("add", "Keep me\x1b[2J", "--json").json["id"])
    terminal = alice.at_a_terminal("delete", task_id)
    terminal.wait_for(f'Delete task {task_id} "Keep me\\x1b[2J" for good? [y/N]: ')
    terminal.type(answer)
    assert (terminal.end() == 0) is (left == 0)
    assert alice("list", "--json").json["count"] == left


def test_a_task_that_changes_while_one_thinks_is_not_deleted(alice: Person) -> None:
    task_id = str(alice("add", "Think", "--json").json["id"])
    terminal = alice.at_a_terminal("delete", task_id)
    terminal.wait_for("[y/N]")
    alice("edit", task_id, "--title", "Important now")
    terminal.type("y")
    assert terminal.end() == 5
    assert "Important now" in terminal.output
    assert alice("show", task_id).code == 0


def test_an_export_on_the_screen_does_nothing_to_it(alice: Person) -> None:
    alice("add", "Gone\x1b[2J\nnext")
    for kind in ("csv", "json", "jsonl"):
        terminal = alice.at_a_terminal("export", "--format", kind)
        assert terminal.end() == 0
        assert "Gone" in terminal.output
        assert "\x1b" not in terminal.output


def test_importing_shows_how_far_it_is(alice: Person) -> None:
    (alice.home / "tasks.csv").write_text("title\nBuy milk\n")
    terminal = alice.at_a_terminal("import", "tasks.csv")
    assert terminal.end() == 0
    assert "Importing" in terminal.output
    assert "1 rows: 1 created." in terminal.output


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_can_complete_commands(stranger: Person, shell: str) -> None:
    stranger.env["_TASKWARD_COMPLETE"] = f"source_{shell}"
    done = stranger.run()
    assert done.code == 0
    assert "_TASKWARD_COMPLETE=complete_" in done.stdout


def test_completion_knows_commands_and_values(stranger: Person) -> None:
    asked = {"taskward un": "undone", "taskward list --sort t": "title"}
    for typed, completed in asked.items():
        stranger.env |= {"_TASKWARD_COMPLETE": "complete_bash", "COMP_WORDS": typed}
        stranger.env["COMP_CWORD"] = str(len(typed.split()) - 1)
        assert stranger.run().stdout.split() == [completed]


def test_a_table_has_the_columns_that_have_something_to_show(alice: Person) -> None:
    alice(
        "add",
        "Water",
        "--due",
        "2026-11-27",
        "--at",
        "18:00",
        "--zone",
        "UTC",
        "--tag",
        "a,b",
        "--priority",
        "low",
    )
    bare = alice("add", "Bare", "--json").json
    terminal = alice.at_a_terminal("list", NO_COLOR="1", TZ="Asia/Tokyo")
    assert terminal.end() == 0
    assert re.search(r" id +done +title +due +priority +tags +updated ", terminal.output)
    assert re.search(r" Water +2026-11-28 03:00 +low +a, b +\d{4}-", terminal.output)
    assert re.search(rf" {bare['id']} +- +Bare +\d{{4}}-", terminal.output)


def test_a_list_of_days_says_which_it_took_the_words_for(alice: Person) -> None:
    alice("add", "Water", "--due", "2026-11-27")
    for options, said in (
        (("--due", "2026-11-27"), "Due on 2026-11-27:"),
        (("--due-before", "2026-11-28"), "Due until 2026-11-27:"),
        (("--due-after", "2026-11-26", "--due-before", "2026-11-29"), "Due from 2026-11-27 until 2026-11-28:"),
        (("--due-after", "2026-11-27"), "Due from 2026-11-28:"),
    ):
        terminal = alice.at_a_terminal("list", *options)
        assert terminal.end() == 0
        assert said in terminal.output
        assert ("No tasks." in terminal.output) is ("from 2026-11-28:" in said)


def test_deleting_several_asks_for_each(alice: Person) -> None:
    ids = [str(alice("add", title, "--json").json["id"]) for title in ("go", "stay")]
    terminal = alice.at_a_terminal("rm", *ids)
    for task_id, title, answer in zip(ids, ("go", "stay"), "yn", strict=True):
        terminal.wait_for(f'Delete task {task_id} "{title}" for good? [y/N]: ')
        terminal.type(answer)
    assert terminal.end() == 1
    assert f"taskward: task {ids[1]}: it was not deleted" in terminal.output
    assert [task["title"] for task in alice("list", "--json").json["tasks"]] == ["stay"]
