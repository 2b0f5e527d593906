"""`taskward user`: accounts, for whoever runs the service, in the database of the settings."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from logging.config import dictConfig
from typing import Any, TypeVar

import typer

from taskward.accounts.administration import Account, Administration, Link
from taskward.cli.output import print_json
from taskward.cli.postgres import database_of
from taskward.database.startup_check import check_isolation_at
from taskward.database.transaction import Database
from taskward.database.url import conninfo
from taskward.features import TABLES
from taskward.field_types import an_address
from taskward.observability.logging import log_config
from taskward.settings import InvalidSettingsError, Settings
from taskward.terminal_text import harmless

TIMES = ("created_at", "email_verified_at", "disabled_at", "last_used_at")
SECONDS = 30.0  # deleting a user with many tasks takes longer than a request may

Result = TypeVar("Result")


def list_users(*, as_json: bool) -> None:
    """Print a line for each account, or an array of all."""

    async def every(users: Administration) -> list[Account]:
        return [account async for account in users.accounts()]

    accounts = _run(every)
    if as_json:
        print_json([_as_json(account) for account in accounts])
        return
    for account in accounts:
        state = "disabled" if account["disabled_at"] else f"{account['log_ins']} log-ins"
        cells = (
            account["email"] or "-",
            account["id"],
            _moment(account["created_at"]),
            state,
            "proven" if account["email_verified_at"] else "not proven",
            account["provider"],
        )
        typer.echo("\t".join(harmless(cell) for cell in cells if cell))


def show(email: str, *, as_json: bool) -> None:
    """Print what there is to know about an account."""
    _print(_run(lambda users: users.account(email)), as_json=as_json)


def disable(email: str, *, as_json: bool) -> None:
    """Disable an account, and print it."""
    _print(_run(lambda users: users.disable(email)), as_json=as_json)


def enable(email: str, *, as_json: bool) -> None:
    """Enable an account, and print it."""
    _print(_run(lambda users: users.enable(email)), as_json=as_json)


def sign_out(email: str, *, as_json: bool) -> None:
    """End the log-ins of an account, and print it."""
    _print(_run(lambda users: users.sign_out(email)), as_json=as_json)


def delete(email: str, *, sure: bool, as_json: bool) -> None:
    """Delete an account and everything of its user, once that is confirmed."""
    if not sure:
        if not sys.stdin.isatty():
            raise typer.BadParameter(
                "there is no terminal to ask at: say --yes if you are sure", param_hint="--yes"
            )
        typer.confirm(f"Delete {harmless(email)}, with every task?", abort=True, err=True)
    account = _run(lambda users: users.delete(email))
    if as_json:
        print_json(_as_json(account) | {"deleted": True})
    else:
        typer.echo(f"Deleted {harmless(account['email'] or account['id'])}.")


def reset_link(email: str, *, as_json: bool) -> None:
    """Print a link by which the owner of an account gives it a new password."""
    settings = Settings.load()
    if settings.oidc_only:
        raise InvalidSettingsError(
            "there are no passwords, as OIDC_ONLY is set: the service would refuse the link"
        )
    secret, public = _secret_of(settings), settings.address_for_links
    _print_link(_run(lambda users: users.reset_link(email, secret, public)), as_json=as_json)


def invite(email: str, *, as_json: bool) -> None:
    """Print a link by which somebody registers."""
    settings = Settings.load()
    if settings.registration == "closed" or settings.oidc_only:
        why = "REGISTRATION is closed" if settings.registration == "closed" else "OIDC_ONLY is set"
        raise InvalidSettingsError(f"nobody can register by a link, as {why}: the service would refuse it")
    secret, public = _secret_of(settings), settings.address_for_links
    try:
        an_address(email)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="EMAIL") from None
    _print_link(_run(lambda users: users.invitation(email, secret, public)), as_json=as_json)


def _secret_of(settings: Settings) -> bytes:
    if settings.secret_is_missing:
        raise InvalidSettingsError(
            f"there is no secret in {settings.data_dir.resolve()}: start the service once and run this in the same"
            " folder, or set DATA_DIR or JWT_SECRET_KEY as the service does"
        )
    return settings.signing_secret


def _run(work: Callable[[Administration], Awaitable[Result]]) -> Result:
    """Do something with the accounts of the database of the settings; what happens is in the audit log."""
    settings = Settings.load()
    if settings.database_url is None and not (settings.data_dir / "postgres").exists():
        raise InvalidSettingsError(  # and none is made, in a folder that may be a mistake
            f"there is no database in {settings.data_dir.resolve()}: run this in the folder of the service, or set"
            " DATA_DIR or DATABASE_URL as the service does"
        )
    dictConfig(log_config("info", settings.log_format, settings.audit_log_file))
    with database_of(settings, beside_a_service=True) as url:
        return asyncio.run(_work(conninfo(url), work))


async def _work(address: str, work: Callable[[Administration], Awaitable[Result]]) -> Result:
    await check_isolation_at(address, TABLES)
    database = Database(address, pool_size=1, max_overflow=0, timeout=SECONDS, precondition=Database.find_engine)
    try:
        return await work(Administration(database))
    finally:
        await database.close()


def _print(account: Account, *, as_json: bool) -> None:
    if as_json:
        print_json(_as_json(account))
        return
    for name, value in account.items():
        if value is not None:
            typer.echo(f"{name.replace('_', ' ')}: {harmless(_moment(value) if name in TIMES else str(value))}")


def _print_link(link: Link, *, as_json: bool) -> None:
    if as_json:
        print_json({"link": link.address, "expires_at": _moment(link.ends)})
        return
    typer.echo(link.address)
    typer.echo(f"It is good once, until {_moment(link.ends)}.", err=True)


def _as_json(account: Account) -> dict[str, Any]:
    return {name: _moment(value) if name in TIMES and value else value for name, value in account.items()}


def _moment(value: datetime) -> str:
    """Return a moment as the API writes it; the database's are in UTC."""
    return value.replace(tzinfo=UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
