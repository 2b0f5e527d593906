"""`taskward login`, `logout` and `whoami`."""

import os
from typing import Annotated

import typer

from taskward.cli.options import AsJson, Server, at_a_terminal, logged_in, read_standard_input, service, store
from taskward.terminal_text import harmless

PANEL = "Log in"
commands = typer.Typer()


@commands.command(rich_help_panel=PANEL)
def login(
    email: Annotated[str | None, typer.Argument(help="Your e-mail address; asked for unless given.")] = None,
    register: Annotated[bool, typer.Option("--register", help="Make the account first.")] = False,
    name: Annotated[str | None, typer.Option(help="What to call you, with --register.")] = None,
    invitation: Annotated[
        bool,
        typer.Option(
            "--invitation",
            help="With --register, ask for an invitation's link; in a pipe it is the line after the password.",
        ),
    ] = False,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from a pipe.")
    ] = False,
    token: Annotated[
        str | None, typer.Option(help="An access token from elsewhere. Others may see it: `ps`.")
    ] = None,
    token_stdin: Annotated[bool, typer.Option("--token-stdin", help="Read such a token from a pipe.")] = False,
    provider: Annotated[
        bool, typer.Option("--provider", help="Log in with the service's provider, in a browser of this machine.")
    ] = False,
    insecure: Annotated[bool, typer.Option("--insecure", help="Without encryption, over a network too.")] = False,
    server: Server = None,
) -> None:
    """Log in to a service, on this machine or elsewhere, and stay logged in.

    Commands that name no service go to that of the last log-in.
    """
    with service(server) as api:
        from taskward.client import accounts

        accounts.check_privacy(api, insecure=insecure)
        if token is not None or token_stdin:
            if email is not None or register or password_stdin or provider:
                raise typer.BadParameter("a token is instead of an account", param_hint="--token")
            new = accounts.log_in_with_token(api, store(), token or read_standard_input())
        elif provider:
            if email is not None or register or password_stdin:
                raise typer.BadParameter("the provider knows who you are", param_hint="--provider")
            from taskward.client.provider import log_in_with_provider

            new = log_in_with_provider(api, store(), _show)
        else:
            if invitation and not register:
                raise typer.BadParameter("an invitation is for --register", param_hint="--invitation")
            email, password, link = _credentials(
                api.address, email, register=register, invitation=invitation, piped=password_stdin
            )
            if register:
                accounts.register(api, email, password, name, link)
            new = accounts.log_in(api, store(), email, password)
        typer.echo(f"Logged in at {harmless(str(api.address))} as {harmless(new.user_id)}.")
        if accounts.TOKEN_VARIABLE in os.environ:
            typer.echo(f"taskward: {accounts.TOKEN_VARIABLE} is set, and goes before this log-in", err=True)


def _show(address: str) -> None:
    typer.echo(f"Log in here, in a browser on this machine:\n\n    {address}\n", err=True)


def _asked_for(what: str, hint: str) -> str:
    if not at_a_terminal():
        raise typer.BadParameter("there is no terminal to ask at", param_hint=hint)
    answer: str = typer.prompt(what, err=True)
    return answer


def _credentials(
    address: object, email: str | None, *, register: bool, invitation: bool, piped: bool
) -> tuple[str, str, str | None]:
    """Return e-mail address, password, and the link of an invitation if there is to be one."""
    if at_a_terminal() and not piped:
        typer.echo(f"This is for {harmless(str(address))}.", err=True)
    email = email or _asked_for("E-mail", "EMAIL")
    password, link = _piped(invitation) if piped else _asked_for_secrets(register, invitation)
    return email, password, link


def _asked_for_secrets(register: bool, invitation: bool) -> tuple[str, str | None]:
    """Return a password, and a link: never arguments, which others see (`ps`)."""
    if not at_a_terminal():
        raise typer.BadParameter("there is no terminal to ask at", param_hint="--password-stdin")
    password: str = typer.prompt("Password", hide_input=True, confirmation_prompt=register, err=True)
    link: str | None = typer.prompt("Link of the invitation", hide_input=True, err=True) if invitation else None
    return password, link


def _piped(invitation: bool) -> tuple[str, str | None]:
    """Return the same from a pipe."""
    piped = read_standard_input()
    if not invitation:
        return piped, None
    password, _, link = piped.rpartition("\n")
    if not password:
        raise typer.BadParameter("a line with the link is missing", param_hint="--invitation")
    return password.removesuffix("\r"), link


@commands.command(rich_help_panel=PANEL)
def logout(server: Server = None) -> None:
    """End the log-in at a service, and remove its tokens."""
    with service(server) as api:
        from taskward.client.accounts import log_out

        was_logged_in = log_out(api, store())
        typer.echo(f"Logged out at {api.address}." if was_logged_in else f"Nobody was logged in at {api.address}.")


@commands.command(rich_help_panel=PANEL)
def whoami(as_json: AsJson = False, server: Server = None) -> None:
    """Say who is logged in at a service."""
    with logged_in(server) as session:
        from taskward.cli.output import print_json

        user = session.request("GET", "/auth/me").body
        if as_json:
            print_json(user)
        else:
            typer.echo(harmless(" ".join(filter(None, (user["id"], user["email"], user["name"])))))
