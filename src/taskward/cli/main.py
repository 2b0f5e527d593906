"""The commands."""

from pathlib import Path
from typing import Annotated

import typer

from taskward.cli import lists, login, personal_tokens, tasks, transfer, user_commands, watch
from taskward.cli.one_line_errors import one_line_errors

cli = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


for group in (lists, tasks, watch, transfer, login):
    cli.add_typer(group.commands)


def _print_version(wanted: bool) -> None:
    if wanted:
        from taskward import __version__

        typer.echo(f"taskward {__version__}")
        raise typer.Exit


@cli.callback()
def taskward(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """A task API for many users."""


@cli.command()
def serve() -> None:
    """Run the service, with a PostgreSQL of its own unless DATABASE_URL is set.

    SIGTERM and SIGINT stop it cleanly; SIGHUP replaces the workers one by one.
    """
    from taskward.cli.serve import serve as run

    with one_line_errors():
        run()


@cli.command()
def migrate() -> None:
    """Bring the database up to the newest schema. Needs no stop, also where several run; requests may wait."""
    from taskward.cli.migrate import migrate as run

    with one_line_errors():
        run()


@cli.command()
def token(user_id: Annotated[str, typer.Argument(help="Whose token: the `sub` claim.")]) -> None:
    """Print an access token for a user. Whoever knows the secret can be anybody, so this is for development.

    Needs JWT_SECRET_KEY, or a service that was started once in this folder.
    """
    from taskward.cli.token import token as run

    with one_line_errors():
        typer.echo(run(user_id))


@cli.command()
def config(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Print every setting with its source, secrets masked, and what follows from them.

    Exit code 1, and why: a setting is wrong.
    """
    from taskward.cli.config import config as run

    with one_line_errors():
        typer.echo(run(as_json=as_json))


@cli.command()
def backup(file: Annotated[Path, typer.Argument(help="A new file.")]) -> None:
    """Write the embedded database to a file, while the service runs or not."""
    from taskward.cli.backup import backup as run

    with one_line_errors():
        typer.echo(run(file))


@cli.command()
def restore(
    file: Annotated[Path, typer.Argument(help="What 'taskward backup' wrote. It is trusted.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace the users and tasks that are there.")
    ] = False,
) -> None:
    """Restore the embedded database from a backup, while no service runs on it. All or nothing."""
    from taskward.cli.backup import restore as run

    with one_line_errors():
        typer.echo(run(file, replace=replace))


@cli.command("after-restore")
def after_restore() -> None:
    """Tell clients that the database was restored by other means than 'taskward restore', which does this itself.

    Migrates it first. Every client reads its tasks anew, once, and no entity tag is given a second time. Log-ins
    and links for a new password end. For the owner of the tables, while no service runs on the database.
    """
    from taskward.cli.migrate import after_restore as run

    with one_line_errors():
        typer.echo(run())


@cli.command()
def distribute() -> None:
    """Spread the rows of users over the servers of a Citus cluster, by user. docs/scaling.md tells when to.

    Migrates the database first. For the owner of the tables, on the coordinator. Meanwhile nobody can read or
    write. All or nothing; it may be run again.
    """
    from taskward.cli.migrate import distribute as run

    with one_line_errors():
        typer.echo(run())


cli.add_typer(user_commands.commands, name="user")
cli.add_typer(personal_tokens.commands, name="tokens", rich_help_panel=login.PANEL)

doctor = typer.Typer(help="Look for what is wrong.", no_args_is_help=True)
cli.add_typer(doctor, name="doctor")


@doctor.command("token")
def doctor_token(
    token: Annotated[str, typer.Argument(help="The token; - reads it from standard input.")],
) -> None:
    """Explain step by step why the service accepts or refuses a token, and name the settings that would accept it.

    Exit code 0: accepted, 1: refused.
    """
    from taskward.cli.doctor_token import doctor_token as run

    with one_line_errors():
        raise typer.Exit(0 if run(token) else 1)


@doctor.command("settings")
def doctor_settings() -> None:
    """Say what of the settings might keep somebody out or let somebody in, such as a proxy that is not trusted.

    Exit code 1: one of them is wrong.
    """
    from taskward.cli.doctor_settings import doctor_settings as run

    with one_line_errors():
        run()


@doctor.command("mail")
def doctor_mail(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="Where the test mail goes: one of yours.")],
) -> None:
    """Send a test mail by the server of the settings, and say step by step what works.

    Exit code 1: it was not taken, and which setting to look at.
    """
    from taskward.cli.doctor_mail import doctor_mail as run

    with one_line_errors():
        raise typer.Exit(0 if run(address) else 1)


@doctor.command("database")
def doctor_database() -> None:
    """Check the database of the settings.

    Looks whether it can be reached, at version, role, encoding, pooler, migrations and latency, and whether users
    are isolated by row-level security. Exit code 1: all is not well.
    """
    from taskward.cli.doctor_database import doctor_database as run

    with one_line_errors():
        raise typer.Exit(0 if run() else 1)
