"""`taskward add`, `show`, `edit`, `done`, `undone` and `delete`."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from taskward.cli import values
from taskward.cli.options import (
    AsJson,
    Force,
    Revision,
    Server,
    TaskId,
    TaskIds,
    at_a_terminal,
    logged_in,
    read_standard_input,
)
from taskward.cli.several import with_each
from taskward.client.fields import Task

if TYPE_CHECKING:
    from taskward.client.session import Session

PANEL = "Tasks"
SERVER_AWAY = 4
commands = typer.Typer()

Description = Annotated[
    str | None, typer.Option("--description", "-d", help="What more there is to say; - reads it from a pipe.")
]
Due = Annotated[
    str | None,
    typer.Option("--due", parser=values.day, metavar="DAY", help="The day: tomorrow, friday, +3d, 2026-11-27."),
]
At = Annotated[
    str | None,
    typer.Option("--at", parser=values.time_of_day, metavar="TIME", help="The time of that day: 18:00."),
]
Zone = Annotated[
    str | None, typer.Option("--zone", help="Where it is that time, such as Europe/Berlin; else wherever you are.")
]
Priority = Annotated[
    str | None,
    typer.Option(
        "--priority",
        parser=values.priority,
        metavar="high|medium|low",
        help="How urgent it is.",
        autocompletion=values.priorities,
    ),
]
Tags = Annotated[
    list[str] | None, typer.Option("--tag", metavar="TAG", help="A tag; several by several --tag, or with commas.")
]


@commands.command(rich_help_panel=PANEL)
def add(
    title: Annotated[list[str], typer.Argument(help="The title; several words need no quotes. - reads a pipe.")],
    description: Description = None,
    due: Due = None,
    at: At = None,
    zone: Zone = None,
    priority: Priority = None,
    tag: Tags = None,
    done: Annotated[bool, typer.Option("--done", help="It is done already.")] = False,
    uid: Annotated[
        str | None, typer.Option(help="Your own name for it: what is there under this name is not made again.")
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="Make it once, however often you repeat this key in a day.")
    ] = None,
    as_json: AsJson = False,
    server: Server = None,
) -> None:
    """Create a task."""
    from taskward.client import tasks

    if at and not due:
        raise typer.BadParameter("a time needs a day: say --due as well", param_hint="--at")
    if zone and not at:
        raise typer.BadParameter("a zone needs a time: say --at as well", param_hint="--zone")
    key = key or tasks.new_key()
    said = _said(uid=uid, description=description, priority=priority, tags=values.tags(tag))
    new = {"title": " ".join(title), "completed": done, **said, **_when(due, at, zone)}
    piped = _fill_from_pipe(new)
    with _kept(new, piped=piped, key=key), logged_in(server) as session:
        task, created = tasks.add(session, new, key)
        _show(task, as_json=as_json, sentence="Created" if created else "Created before:")
        _print_json(task, as_json=as_json)


@commands.command(rich_help_panel=PANEL)
def show(task_ids: TaskIds, as_json: AsJson = False, server: Server = None) -> None:
    """Show all there is to know about a task, or several."""
    with logged_in(server) as session:
        from taskward.client import tasks

        def shown(task_id: int) -> Task:
            return _show(tasks.read(session, task_id), as_json=as_json)

        with_each(task_ids, shown, as_json=as_json)


@commands.command(rich_help_panel=PANEL)
def edit(
    task_id: TaskId,
    title: Annotated[
        str | None, typer.Option("--title", "-t", help="The new title; - reads it from a pipe.")
    ] = None,
    description: Description = None,
    no_description: Annotated[bool, typer.Option("--no-description", help="Remove the description.")] = False,
    due: Due = None,
    no_due: Annotated[bool, typer.Option("--no-due", help="Remove the day, and time and zone with it.")] = False,
    at: At = None,
    no_at: Annotated[bool, typer.Option("--no-at", help="Remove the time, and the zone with it.")] = False,
    zone: Zone = None,
    no_zone: Annotated[bool, typer.Option("--no-zone", help="Remove the zone.")] = False,
    priority: Priority = None,
    no_priority: Annotated[bool, typer.Option("--no-priority", help="Remove the priority.")] = False,
    tag: Tags = None,
    no_tags: Annotated[bool, typer.Option("--no-tags", help="Remove all tags.")] = False,
    revision: Revision = None,
    force: Force = False,
    as_json: AsJson = False,
    server: Server = None,
) -> None:
    """Change what you name of a task, unless somebody else just has. `--tag` says all tags that it then has."""
    said = _said(title=title, description=description, priority=priority, tags=values.tags(tag))
    said |= _when(due, at, zone)
    removed = _removed(
        description=no_description, due_date=no_due, due_time=no_at, due_zone=no_zone, priority=no_priority
    )
    removed |= {"tags": []} if no_tags else {}
    if not said | removed:
        raise typer.BadParameter("say what to change, such as --title or --due; `taskward edit --help` has all")
    if said.keys() & removed.keys():
        raise typer.BadParameter("the same cannot be set and removed", param_hint="--no-…")
    changes = said | removed
    piped = _fill_from_pipe(changes)
    with _kept({"id": task_id, **changes}, piped=piped), logged_in(server) as session:
        write = _writing(session, changes, revision, force=force, as_json=as_json)
        with_each([task_id], write, as_json=as_json)


@commands.command(rich_help_panel=PANEL)
def done(
    task_ids: TaskIds,
    revision: Revision = None,
    force: Force = False,
    as_json: AsJson = False,
    server: Server = None,
) -> None:
    """Mark a task as done, or several."""
    _complete(task_ids, revision, completed=True, force=force, as_json=as_json, server=server)


@commands.command(rich_help_panel=PANEL)
def undone(
    task_ids: TaskIds,
    revision: Revision = None,
    force: Force = False,
    as_json: AsJson = False,
    server: Server = None,
) -> None:
    """Mark a task as open again, or several."""
    _complete(task_ids, revision, completed=False, force=force, as_json=as_json, server=server)


@commands.command(rich_help_panel=PANEL)
def delete(
    task_ids: TaskIds,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    revision: Revision = None,
    force: Force = False,
    as_json: AsJson = False,
    server: Server = None,
) -> None:
    """Delete a task for good, or several."""
    _one_has_a_revision(task_ids, revision)
    if not yes and not at_a_terminal():
        raise typer.BadParameter("there is no terminal to ask at", param_hint="--yes")
    with logged_in(server) as session:
        from taskward.client import tasks
        from taskward.client.errors import ClientError
        from taskward.terminal_text import harmless

        def deleted(task_id: int) -> dict[str, Any]:
            seen = tasks.read(session, task_id)
            named = f'task {task_id} "{harmless(seen["title"])}"'
            if not yes and not typer.confirm(f"Delete {named} for good?", err=True):
                raise ClientError("it was not deleted")
            tasks.delete(session, task_id, None if force else revision or seen["revision"])
            if not as_json:
                typer.echo(f"Deleted {named}.")
            return {"id": task_id, "deleted": True}

        with_each(task_ids, deleted, as_json=as_json)


rm = commands.command("rm", rich_help_panel=PANEL, help="The same as `delete`.")(delete)


def _said(**options: Any) -> dict[str, Any]:
    """Return the options that were given. Nothing is said of the others, as an older service may not know them."""
    return {name: value for name, value in options.items() if value is not None}


def _when(due: str | None, at: str | None, zone: str | None) -> dict[str, Any]:
    return _said(due_date=due, due_time=at, due_zone=zone)


def _removed(**options: bool) -> dict[str, Any]:
    """Return what `--no-…` was given for."""
    return {name: None for name, given in options.items() if given}


def _complete(
    task_ids: Sequence[int],
    revision: int | None,
    *,
    completed: bool,
    force: bool,
    as_json: bool,
    server: str | None,
) -> None:
    _one_has_a_revision(task_ids, revision)
    with logged_in(server) as session:
        write = _writing(session, {"completed": completed}, revision, force=force, as_json=as_json)
        with_each(task_ids, write, as_json=as_json)


def _one_has_a_revision(task_ids: Sequence[int], revision: int | None) -> None:
    if revision is not None and len(task_ids) > 1:
        raise typer.BadParameter("it is that of one task: name one", param_hint="--revision")


def _writing(
    session: "Session", changes: dict[str, Any], revision: int | None, *, force: bool, as_json: bool
) -> Callable[[int], Task]:
    """Return what writes the changes to a task that is as it was seen, and shows it."""
    from taskward.client import tasks

    def write(task_id: int) -> Task:
        seen = None if force else revision or tasks.read(session, task_id)["revision"]
        return _show(tasks.edit(session, task_id, changes, seen), as_json=as_json)

    return write


def _show(task: Task, *, as_json: bool, sentence: str = "") -> Task:
    """Show a task to a person, as soon as it is there; JSON is printed as one document, at the end."""
    from taskward.cli.output import print_task

    if not as_json:
        print_task(task, sentence)
    return task


def _print_json(task: Task, *, as_json: bool) -> None:
    from taskward.cli.output import print_json

    if as_json:
        print_json(task)


def _fill_from_pipe(fields: dict[str, Any]) -> bool:
    """Replace the one value that is `-` by what is piped in. Returns whether there is one."""
    asked = [name for name, value in fields.items() if value == "-"]
    if len(asked) > 1:
        raise typer.BadParameter("only one of them can come from a pipe")
    for name in asked:
        fields[name] = read_standard_input()
    return bool(asked)


@contextmanager
def _kept(fields: dict[str, Any], *, piped: bool, key: str | None = None) -> Iterator[None]:
    """Give back what came from a pipe when it was not written: arguments are in the shell's history, it is not."""
    try:
        yield
    except typer.Exit as error:
        if piped:
            typer.echo(f"taskward: not saved: {json.dumps(fields)}", err=True)
        if key is not None and error.exit_code == SERVER_AWAY:
            typer.echo(
                f"taskward: it may have been created. Repeat it with --key {key}, and it is once.", err=True
            )
        raise
