"""`taskward user …`: what can be done to accounts. users.py does it, and is loaded when it is asked for."""

from typing import Annotated

import typer

from taskward.cli.one_line_errors import one_line_errors

commands = typer.Typer(help="Accounts, for whoever runs the service.", no_args_is_help=True)

Email = Annotated[
    str, typer.Argument(metavar="EMAIL", help="The e-mail address of the account, in any case, or its id.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


@commands.command("list")
def list_users(as_json: AsJson = False) -> None:
    """Print every account: address, id, when it was made, log-ins, whether the address is proven, its provider."""
    from taskward.cli.users import list_users as run

    with one_line_errors():
        run(as_json=as_json)


@commands.command("show")
def show(email: Email, as_json: AsJson = False) -> None:
    """Print what there is to know about an account."""
    from taskward.cli.users import show as run

    with one_line_errors():
        run(email, as_json=as_json)


@commands.command("disable")
def disable(email: Email, as_json: AsJson = False) -> None:
    """Let nobody log in to an account, end its log-ins, and revoke its personal tokens. Its tasks stay."""
    from taskward.cli.users import disable as run

    with one_line_errors():
        run(email, as_json=as_json)


@commands.command("enable")
def enable(email: Email, as_json: AsJson = False) -> None:
    """Let people log in to an account again."""
    from taskward.cli.users import enable as run

    with one_line_errors():
        run(email, as_json=as_json)


@commands.command("sign-out")
def sign_out(email: Email, as_json: AsJson = False) -> None:
    """End all log-ins of an account, everywhere within five seconds."""
    from taskward.cli.users import sign_out as run

    with one_line_errors():
        run(email, as_json=as_json)


@commands.command("delete")
def delete(
    email: Email,
    sure: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete an account and everything of its user for good, tasks included."""
    from taskward.cli.users import delete as run

    with one_line_errors():
        run(email, sure=sure, as_json=as_json)


@commands.command("reset-link")
def reset_link(email: Email, as_json: AsJson = False) -> None:
    """Print a link by which the owner of an account gives it a new password. Good once, for 30 minutes.

    Links begin with PUBLIC_URL. Send it to the owner alone: whoever has it has the account.
    """
    from taskward.cli.users import reset_link as run

    with one_line_errors():
        run(email, as_json=as_json)


@commands.command("invite")
def invite(
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="The e-mail address of whom you invite.")],
    as_json: AsJson = False,
) -> None:
    """Print a link by which somebody registers where REGISTRATION is invite. For this address, and for a week.

    Links begin with PUBLIC_URL.
    """
    from taskward.cli.users import invite as run

    with one_line_errors():
        run(email, as_json=as_json)
