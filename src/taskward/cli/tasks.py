"""`taskward add`, `list`, `show`, `edit`, `done`, `undone` and `delete`."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal

import typer

from taskward.cli.options import (
    SERVER,
    AsJson,
    Force,
    Revision,
    Server,
    TaskId,
    at_a_terminal,
    logged_in,
    read_standard_input,
)
from taskward.client.fields import Page, Task

PANEL = "Tasks"
SERVER_AWAY = 4
commands = typer.Typer()

Description = Annotated[
    str | None, typer.Option("--description", "-d", help="What more there is to say; - reads it from a pipe.")
]


@commands.command(rich_help_panel=PANEL)
def add(
    title: Annotated[list[str], typer.Argument(help="The title; several words need no quotes. - reads a pipe.")],
    description: Description = None,
    done: Annotated[bool, typer.Option("--done", help="It is done already.")] = False,
    key: Annotated[
        str | None, typer.Option(help="Make it once, however often you repeat this key in a day.")
    ] = None,
    as_json: AsJson = False,
    server: Server = SERVER,
) -> None:
    """Create a task."""
    from taskward.client import tasks

    key = key or tasks.new_key()
    new = {"title": " ".join(title), "completed": done, **_said(description=description)}
    piped = _fill_from_pipe(new)
    with _kept(new, piped=piped, key=key), logged_in(server) as session:
        task, created = tasks.add(session, new, key)
        _show(task, as_json=as_json, sentence="Created" if created else "Created before:")


@commands.command("list", rich_help_panel=PANEL)
def list_tasks(
    status: Annotated[Literal["all", "pending", "completed"], typer.Option(help="Which tasks.")] = "all",
    sort: Annotated[Literal["created", "title", "updated"], typer.Option(help="By what.")] = "created",
    order: Annotated[
        Literal["asc", "desc"] | None, typer.Option(help="Which end first; title: asc, else desc.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 50,
    every: Annotated[bool, typer.Option("--all", help="All of them, however many.")] = False,
    cursor: Annotated[str | None, typer.Option(help="`next_cursor` of the page before, with --json.")] = None,
    as_json: AsJson = False,
    server: Server = SERVER,
) -> None:
    """List your tasks: a table for people, --json for programs."""
    with logged_in(server) as session:
        from taskward.cli.output import print_json, print_tasks
        from taskward.client import tasks

        most = None if every else limit
        found: Page = {"tasks": [], "count": 0, "next_cursor": None}
        for page in tasks.pages(session, most, status=status, sort=sort, order=order, cursor=cursor):
            found = {**page, "tasks": found["tasks"] + page["tasks"]}
        if as_json:
            print_json(found)
            return
        print_tasks(found["tasks"])
        if found["next_cursor"]:
            typer.echo(f"{len(found['tasks'])} of {found['count']}; --all shows the rest.", err=True)


@commands.command(rich_help_panel=PANEL)
def show(task_id: TaskId, as_json: AsJson = False, server: Server = SERVER) -> None:
    """Show a task with its description."""
    with logged_in(server) as session:
        from taskward.client import tasks

        _show(tasks.read(session, task_id), as_json=as_json)


@commands.command(rich_help_panel=PANEL)
def edit(
    task_id: TaskId,
    title: Annotated[
        str | None, typer.Option("--title", "-t", help="The new title; - reads it from a pipe.")
    ] = None,
    description: Description = None,
    no_description: Annotated[bool, typer.Option("--no-description", help="Remove the description.")] = False,
    revision: Revision = None,
    force: Force = False,
    as_json: AsJson = False,
    server: Server = SERVER,
) -> None:
    """Change the title or the description of a task, unless somebody else just has."""
    said = _said(title=title, description=description)
    removed = _removed(description=no_description)
    if not said | removed or said.keys() & removed.keys():
        raise typer.BadParameter("say what to change: --title, and --description or --no-description")
    _change(task_id, said | removed, revision, force=force, as_json=as_json, server=server)


@commands.command(rich_help_panel=PANEL)
def done(
    task_id: TaskId,
    revision: Revision = None,
    force: Force = False,
    as_json: AsJson = False,
    server: Server = SERVER,
) -> None:
    """Mark a task as done."""
    _change(task_id, {"completed": True}, revision, force=force, as_json=as_json, server=server)


@commands.command(rich_help_panel=PANEL)
def undone(
    task_id: TaskId,
    revision: Revision = None,
    force: Force = False,
    as_json: AsJson = False,
    server: Server = SERVER,
) -> None:
    """Mark a task as not done."""
    _change(task_id, {"completed": False}, revision, force=force, as_json=as_json, server=server)


@commands.command(rich_help_panel=PANEL)
def delete(
    task_id: TaskId,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    revision: Revision = None,
    force: Force = False,
    as_json: AsJson = False,
    server: Server = SERVER,
) -> None:
    """Delete a task for good."""
    if not yes and not at_a_terminal():
        raise typer.BadParameter("there is no terminal to ask at", param_hint="--yes")
    with logged_in(server) as session:
        from taskward.cli.output import print_json
        from taskward.client import tasks
        from taskward.terminal_text import harmless

        seen = tasks.read(session, task_id)
        named = f'task {task_id} "{harmless(seen["title"])}"'
        if not yes:
            typer.confirm(f"Delete {named} for good?", abort=True, err=True)
        tasks.delete(session, task_id, None if force else revision or seen["revision"])
        if as_json:
            print_json({"id": task_id, "deleted": True})
        else:
            typer.echo(f"Deleted {named}.")


def _said(**options: Any) -> dict[str, Any]:
    """Return the options that were given. Nothing is said of the others, as an older service may not know them."""
    return {name: value for name, value in options.items() if value is not None}


def _removed(**options: bool) -> dict[str, Any]:
    """Return what `--no-…` was given for."""
    return {name: None for name, given in options.items() if given}


def _change(
    task_id: int, changes: dict[str, Any], revision: int | None, *, force: bool, as_json: bool, server: str
) -> None:
    piped = _fill_from_pipe(changes)
    with _kept({"id": task_id, **changes}, piped=piped), logged_in(server) as session:
        from taskward.client import tasks

        if not force and revision is None:
            revision = tasks.read(session, task_id)["revision"]
        _show(tasks.edit(session, task_id, changes, None if force else revision), as_json=as_json)


def _show(task: Task, *, as_json: bool, sentence: str = "") -> None:
    from taskward.cli.output import print_json, print_task

    if as_json:
        print_json(task)
        return
    print_task(task, sentence)


def _fill_from_pipe(values: dict[str, Any]) -> bool:
    """Replace the one value that is `-` by what is piped in. Returns whether there is one."""
    asked = [name for name, value in values.items() if value == "-"]
    if len(asked) > 1:
        raise typer.BadParameter("only one of them can come from a pipe")
    for name in asked:
        values[name] = read_standard_input()
    return bool(asked)


@contextmanager
def _kept(values: dict[str, Any], *, piped: bool, key: str | None = None) -> Iterator[None]:
    """Give back what came from a pipe when it was not written: arguments are in the shell's history, it is not."""
    try:
        yield
    except typer.Exit as error:
        if piped:
            typer.echo(f"taskward: not saved: {json.dumps(values)}", err=True)
        if key is not None and error.exit_code == SERVER_AWAY:
            typer.echo(
                f"taskward: it may have been created. Repeat it with --key {key}, and it is once.", err=True
            )
        raise
