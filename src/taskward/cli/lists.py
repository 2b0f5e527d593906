"""`taskward list`, and `ls`."""

import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from taskward.cli import values
from taskward.cli.options import AsJson, Only, Server, Status, logged_in, status_of
from taskward.client.fields import Page

if TYPE_CHECKING:
    from taskward.client.session import Session

PANEL = "Tasks"
commands = typer.Typer()


@commands.command("list", rich_help_panel=PANEL)
def list_tasks(
    only: Only = None,
    search: Annotated[str | None, typer.Option(help="All these words are in title, description or tags.")] = None,
    due: Annotated[
        str | None,
        typer.Option(parser=values.day_if_any, metavar="DAY", help="Due that day; or `any` or `none`."),
    ] = None,
    due_before: Annotated[
        str | None, typer.Option(parser=values.day_before, metavar="DAY", help="Due before that day.")
    ] = None,
    due_after: Annotated[
        str | None, typer.Option(parser=values.day_after, metavar="DAY", help="Due after that day.")
    ] = None,
    today: Annotated[bool, typer.Option("--today", help="Due today.")] = False,
    overdue: Annotated[bool, typer.Option("--overdue", help="Open, and due before now.")] = False,
    tag: Annotated[list[str] | None, typer.Option(metavar="TAG", help="With this tag; several: with all.")] = None,
    priority: Annotated[
        list[str] | None,
        typer.Option(
            parser=values.priority,
            metavar="high|medium|low",
            help="With this priority; several: with one of them.",
            autocompletion=values.priorities,
        ),
    ] = None,
    uid: Annotated[str | None, typer.Option(help="With this uid.")] = None,
    sort: Annotated[
        Literal["created", "title", "updated", "due", "priority", "completed"] | None,
        typer.Option(help="By what. Unless given, by creation, or by `due` where days are asked for."),
    ] = None,
    order: Annotated[
        Literal["asc", "desc"] | None,
        typer.Option(help="Which end first; created, updated and completed: desc, else asc."),
    ] = None,
    limit: Annotated[
        int, typer.Option(parser=values.whole_number(1, 1000), metavar="NUMBER", help="How many at most.")
    ] = 50,
    every: Annotated[bool, typer.Option("--all", help="All of them, however many.")] = False,
    cursor: Annotated[str | None, typer.Option(help="`next_cursor` of the page before, with --json.")] = None,
    status: Status = None,
    as_json: AsJson = False,
    server: Server = None,
) -> None:
    """List your tasks: a table for people, --json for programs."""
    if overdue and (only is False or cursor is not None):
        raise typer.BadParameter("it is what is open, and has no pages: --all shows all", param_hint="--overdue")
    query = {
        "status": "pending" if overdue else status_of(only, status),
        "q": search,
        "tags": _joined(values.tags(tag)),
        "priority": _joined(priority),
        "uid": uid,
        "order": order,
        "cursor": cursor,
        **_days(due, due_before, due_after, today=today),
    }
    by_day = overdue or any(query[name] for name in ("due", "due_from", "due_to"))
    query["sort"] = sort or ("due" if by_day else "created")
    with logged_in(server) as session:
        from taskward.cli.output import print_json

        most = None if every else limit
        found = _overdue(session, query, most) if overdue else _pages(session, query, most)
        if as_json:
            print_json(found)
        else:
            _show(found, query, overdue=overdue)


ls = commands.command("ls", rich_help_panel=PANEL, help="The same as `list`.")(list_tasks)


def _joined(words: list[str] | None) -> str | None:
    return ",".join(words) if words else None


def _days(due: str | None, before: str | None, after: str | None, *, today: bool) -> dict[str, str | None]:
    """Return the days that are asked for as the API has them: the first and the last, or any, or none.

    Between days is only what is due some day.
    """
    if sum((due is not None, today, before is not None or after is not None)) > 1:
        raise typer.BadParameter("say --due, --today, or --due-before and --due-after", param_hint="--due")
    day = values.day("today") if today else due
    if day in ("any", "none"):
        return {"due": day, "due_from": None, "due_to": None}
    first, last = day or after, day or before
    return {"due": "any" if first or last else None, "due_from": first, "due_to": last}


def _pages(session: "Session", query: dict[str, str | None], most: int | None) -> Page:
    from taskward.client import tasks

    found: Page = {"tasks": [], "count": 0, "next_cursor": None}
    for page in tasks.pages(session, most, **query):
        found = {**page, "tasks": found["tasks"] + page["tasks"]}
    return found


def _overdue(session: "Session", query: dict[str, str | None], most: int | None) -> Page:
    """Return what is late. The service has no now: it is asked for what may be, and the rest is left out here."""
    from taskward.client.fields import whole
    from taskward.client.local_time import FARTHEST_ZONE, is_overdue, now

    moment = now()
    latest = (moment.date() + FARTHEST_ZONE).isoformat()
    found = _pages(session, query | {"due_to": min(query["due_to"] or latest, latest)}, None)
    late = [task for task in found["tasks"] if is_overdue(whole(task), moment)]
    return {**found, "tasks": late[:most], "count": len(late)}


def _show(found: Page, query: dict[str, str | None], *, overdue: bool) -> None:
    from taskward.cli.output import print_tasks

    if sys.stdout.isatty() and not overdue and (days := _in_words(query["due_from"], query["due_to"])):
        typer.echo(f"Due {days}:")
    print_tasks(found["tasks"])
    if len(found["tasks"]) < found["count"] and (overdue or found["next_cursor"]):
        typer.echo(f"{len(found['tasks'])} of {found['count']}; --all shows the rest.", err=True)


def _in_words(first: str | None, last: str | None) -> str:
    """Return which days were understood."""
    if first is not None and first == last:
        return f"on {first}"
    parts = (f"from {first}" if first else "", f"until {last}" if last else "")
    return " ".join(filter(None, parts))
