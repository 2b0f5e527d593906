"""`taskward tokens …`: the personal tokens of whoever is logged in."""

from typing import Annotated
from urllib.parse import quote

import typer

from taskward.cli.options import AsJson, Server, logged_in

CALENDAR = "calendar"

commands = typer.Typer(help="Personal tokens, for scripts.", no_args_is_help=True)


@commands.command("create")
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is for.")],
    scope: Annotated[
        list[str] | None,
        typer.Option(
            metavar="tasks:read|tasks:write|calendar",
            help="What it is good for; several: for each. `calendar` goes with no other.",
        ),
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=366, help="For how many days it is good.")] = 90,
    as_json: AsJson = False,
    server: Server = None,
) -> None:
    """Make a token for a script, and print it. It is shown this once. Unless you say more, it only reads tasks.

    Below a token for a calendar is the address that the calendar subscribes to.
    """
    with logged_in(server) as session:
        from taskward.cli.output import print_json

        body = {"name": name, "scopes": scope or ["tasks:read"], "expires_in_days": days}
        response = session.request("POST", "/auth/tokens", body=body)
        (token,) = response.parts("token")
        if as_json:
            print_json(response.body)
        else:
            typer.echo(token)
            if scope == [CALENDAR]:
                typer.echo(session.address_of(f"/calendar/{token}.ics"))


@commands.command("list")
def list_tokens(as_json: AsJson = False, server: Server = None) -> None:
    """Print your tokens, without themselves: id, scopes, until when, the day of the last use, name."""
    with logged_in(server) as session:
        from taskward.cli.output import print_json
        from taskward.terminal_text import harmless

        (tokens,) = session.request("GET", "/auth/tokens").parts("tokens")
        if as_json:
            print_json(tokens)
            return
        for token in tokens:
            until, used = token["expires_at"][:10], token["last_used_on"] or "never used"
            fields = (token["id"], ",".join(token["scopes"]), f"until {until}", used, token["name"])
            typer.echo(harmless("  ".join(fields)))


@commands.command("revoke")
def revoke(
    token_id: Annotated[str, typer.Argument(metavar="ID", help="The id of the token, as `list` has it.")],
    server: Server = None,
) -> None:
    """Revoke a token. It is refused everywhere within five seconds."""
    with logged_in(server) as session:
        session.request("DELETE", f"/auth/tokens/{quote(token_id, safe='')}")
        typer.echo("Revoked.")
