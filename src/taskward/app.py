"""The application: the one file that knows every part."""

import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from secrets import token_bytes
from typing import TYPE_CHECKING

from fastapi import FastAPI

import taskward
from taskward.accounts import export_routes, mail_routes, personal_token_routes, session_routes, token_routes
from taskward.accounts import routes as accounts
from taskward.accounts.cookies import RefreshCookies
from taskward.accounts.identities import IdentityService
from taskward.accounts.log_ins import LogInService
from taskward.accounts.mails import AccountMails
from taskward.accounts.personal_tokens import PersonalTokenService
from taskward.accounts.service import AccountService, check_account
from taskward.accounts.tokens import TokenService
from taskward.api.errors import ErrorRenderer, install_error_handlers
from taskward.api.personal_data import PersonalData
from taskward.api.state import LIFESPAN_STATE, AppState, ConnectionLimits, attach
from taskward.auth.claims import Expected
from taskward.auth.issue import issue_token
from taskward.auth.links import LinkTokens
from taskward.auth.log_ins import LogIns
from taskward.auth.passwords import Passwords
from taskward.auth.verify import TokenVerifier
from taskward.database.revision import newest
from taskward.database.startup_check import NotMigratedError, check_isolation
from taskward.database.transaction import Database
from taskward.database.url import conninfo
from taskward.errors import DatabaseUnavailableError
from taskward.features import TABLES
from taskward.hints.hints import Hints
from taskward.hints.siblings import FOLDER
from taskward.middleware.cors import Cors
from taskward.middleware.request_context import RequestContext
from taskward.middleware.root_path import RootPath
from taskward.observability.current import only_reads
from taskward.observability.metrics import Metrics
from taskward.observability.telemetry import telemetry
from taskward.operations import health
from taskward.operations.documentation import install_documentation
from taskward.operations.metrics_route import metrics_routes
from taskward.rate_limits.client_address import ClientAddress
from taskward.rate_limits.limits import RateLimits
from taskward.rate_limits.shared_store import connection_pool
from taskward.server.connections import files_for_connections
from taskward.server.fast_routes import FastRoutes
from taskward.server.lifecycle import OneLineRefusal, freeze_gc, obey_supervisor
from taskward.server.openapi import install_openapi
from taskward.server.path_methods import methods_of
from taskward.settings import InvalidSettingsError, Settings
from taskward.tasks import routes as tasks
from taskward.tasks.changes_service import ChangesService
from taskward.tasks.cursor import Cursors
from taskward.tasks.personal_data import PersonalTasks
from taskward.tasks.service import TaskService
from taskward.web.routes import page_routes

if TYPE_CHECKING:
    from taskward.oidc.service import ProviderLogIns

logger = logging.getLogger(__name__)

DESCRIPTION = """
Tasks of many users, each seen by their owner alone.

Every task route wants `Authorization: Bearer <token>`. The four path prefixes are one and the same API:
`/tasks` and `/api/tasks` take the owner from the token; `/api/{user_id}/tasks` and `/users/{user_id}/tasks` name
the owner, who must be the token's user. A slash at the end of an address is as if it were not there.

Every error is `{"detail": "a sentence for a person", "code": "A_CONSTANT"}`. An address that does not exist is
answered with 404 `NOT_FOUND`, a method that an address does not have with 405 `METHOD_NOT_ALLOWED` and `Allow`.
"""


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the ASGI application; raise InvalidSettingsError. Without `settings`, they are loaded."""
    settings = settings or Settings.load()
    if settings.database_url is None:
        raise InvalidSettingsError("DATABASE_URL must be set, unless `taskward serve` starts the service")
    counted = Metrics()
    hints = _hints(settings)
    database = Database(
        conninfo(settings.database_url.get_secret_value()),
        pool_size=settings.db_pool_size,
        max_overflow=settings.db_max_overflow,
        timeout=settings.database_timeout_seconds,
        max_tasks=settings.max_tasks_per_user,
        precondition=partial(check_isolation, tables=TABLES),
        broken=TABLES.broken,
        nothing_found=check_account,
        timed=counted.transaction,
        written=hints.written,
        only_reads=only_reads,
    )

    passwords = Passwords(allowed=not settings.oidc_only)
    provider = _provider(settings, database)
    log_in_service = LogInService(database)
    log_ins = LogIns(log_in_service.ended_since, log_in_service.goes_on)
    personal_tokens = PersonalTokenService(database)
    verifier = TokenVerifier.from_settings(settings, log_ins, personal_tokens.find)
    rate_limits = RateLimits(settings, counted.rate_limited)
    secret = settings.signing_secret if settings.has_secret else token_bytes()  # then nobody can log in here
    mails = _mails(settings, database, secret, counted, rate_limits) if settings.mail_enabled else None
    tasks_service = TaskService(
        database, Cursors(settings.cursor_secret), reveal_foreign_tasks=settings.reveal_foreign_tasks
    )
    changes_service = ChangesService(database)

    state = AppState(
        metrics=counted,
        database=database,
        schema_revision=newest(),
        verifier=verifier,
        log_ins=log_ins,
        rate_limits=rate_limits,
        connection_limits=ConnectionLimits(
            per_address=settings.max_connections_per_address,
            unsent_bytes=settings.max_unsent_mib * 1024 * 1024,
            exempt=settings.trusted_proxies,
        ),
        hints=hints,
        services=(
            tasks_service,
            changes_service,
            *_accounts(settings, database, passwords, secret, mails),
            log_in_service,
            personal_tokens,
            _personal_data(database, log_in_service, personal_tokens),
            mails,
            *provider,
        ),
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, AppState]]:
        obey_supervisor(on_stopping=state.stopping.set)
        try:
            await _make_sure(database)
            async with (
                verifier.keeping_keys_fresh(),
                counted.running(database, hints.waiters),
                hints.running(changes_service.read_revision),
            ):
                freeze_gc()
                yield {LIFESPAN_STATE: state}
        finally:
            await log_ins.close()
            await personal_tokens.close()
            if mails is not None:
                await mails.close()
            await database.close()
            passwords.close()
            await rate_limits.close()
            for each in provider:
                await each.close()

    app = FastAPI(
        title="Taskward",
        version=taskward.__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
        openapi_url=None,  # operations/documentation.py has these routes
        docs_url=None,
        redoc_url=None,
        telemetry=telemetry(),
        redirect_slashes=False,  # a redirect would be made from the Host header, which anybody can forge
    )
    attach(app, state)
    for prefix in tasks.PATH_PREFIXES:
        app.include_router(tasks.router, prefix=prefix)
    _add_account_routes(app, settings)
    _add_service_routes(app, settings)
    install_openapi(app, token_path=token_routes.TOKEN_PATH if settings.accounts_enabled else None)
    renderer = ErrorRenderer(development=settings.development)
    install_error_handlers(app, renderer, methods_of=partial(methods_of, app))
    app.add_middleware(OneLineRefusal)
    app.add_middleware(FastRoutes, owner=app)
    _add_root_path(app, settings)
    app.add_middleware(
        RequestContext, cors=Cors(settings.allowed_origins), metrics=counted, access_log=settings.access_log
    )
    return app


def _add_account_routes(app: FastAPI, settings: Settings) -> None:
    if settings.accounts_enabled:
        for of_accounts in (accounts.router, token_routes.router, session_routes.router):
            app.include_router(of_accounts)
    if settings.mail_enabled:
        app.include_router(mail_routes.router)
    if settings.oidc_issuer is not None:
        from taskward.oidc.routes import router as provider_routes

        app.include_router(provider_routes)
    app.include_router(accounts.me)
    app.include_router(export_routes.router)
    app.include_router(personal_token_routes.router)


def _add_service_routes(app: FastAPI, settings: Settings) -> None:
    if settings.web_page:
        app.include_router(
            page_routes(
                accounts=settings.accounts_enabled,
                mail=settings.mail_enabled,
                provider=settings.oidc_issuer,
                passwords=not settings.oidc_only,
            )
        )
    app.include_router(health.router)
    if settings.metrics_beside_api:
        app.include_router(metrics_routes(settings.metrics_bearer))
    if settings.api_docs:
        install_documentation(app, opened=tasks.TAG)


def _add_root_path(app: FastAPI, settings: Settings) -> None:
    if settings.root_path or settings.trusted_proxies:  # else every request would pay for what nobody asked for
        address = ClientAddress(settings.trusted_proxies)
        app.add_middleware(RootPath, configured=settings.root_path or "", is_from_proxy=address.is_from_proxy)


async def _make_sure(database: Database) -> None:
    """Raise IsolationError rather than serve; without a response, serve none of its data until there is one."""
    try:
        await database.make_sure()
    except DatabaseUnavailableError:
        logger.warning("the database does not answer; started without it, live and not ready")
    except NotMigratedError as error:  # not yet: the supervisor migrates it when it is there
        logger.warning("%s; started without it, live and not ready", error)


def _personal_data(
    database: Database, log_ins: LogInService, personal_tokens: PersonalTokenService
) -> PersonalData:
    tasks_of = PersonalTasks(database)
    return PersonalData(
        {
            "identities": log_ins.identities,
            "log_ins": log_ins.all_log_ins,
            "personal_tokens": personal_tokens.all_tokens,
            "tasks": tasks_of.tasks,
            "deleted_tasks": tasks_of.deleted_tasks,
            "idempotency_keys": tasks_of.keys,
        }
    )


def _hints(settings: Settings) -> Hints:
    url = settings.rate_limit_storage_url
    connections = files_for_connections(settings.db_pool_size + settings.db_max_overflow)
    return Hints(
        most_waiting=connections * 3 // 4,  # the rest is for those who want an answer
        poll_seconds=settings.changes_poll_seconds,
        folder=os.environ.get(FOLDER),
        valkey=connection_pool(url.get_secret_value()) if url else None,
    )


def _mails(
    settings: Settings, database: Database, secret: bytes, counted: Metrics, rate_limits: RateLimits
) -> AccountMails:
    from taskward.mail.sender import MailSender  # and smtplib with it, of which no other service needs the memory
    from taskward.mail.smtp import SmtpServer

    assert settings.smtp_url is not None
    assert settings.mail_from is not None
    public_url = settings.address_for_links
    server = SmtpServer.from_url(settings.smtp_url.get_secret_value(), public_url)
    sender = MailSender(server, settings.mail_from, counted.mailed)
    return AccountMails(database, secret, public_url, sender, rate_limits.may_mail)


def _accounts(
    settings: Settings, database: Database, passwords: Passwords, secret: bytes, mails: AccountMails | None
) -> tuple[object, ...]:
    lifetime = settings.access_token_expire_minutes * 60
    expected = Expected.from_settings(settings)

    def issue(user_id: str, log_in: bytes) -> str:
        return issue_token(user_id, secret, settings.algorithm, lifetime, expected, log_in)

    return (
        AccountService(database, passwords, LinkTokens(secret), settings.registration, mails),
        TokenService(
            database,
            passwords,
            secret,
            issue,
            lifetime,
            settings.session_max_days,
            proof_by=mails if settings.email_verification else None,
        ),
        RefreshCookies(
            secret,
            settings.session_max_days,
            settings.public_url,
            ClientAddress(settings.trusted_proxies).is_from_proxy,
        ),
    )


def _provider(settings: Settings, database: Database) -> tuple["ProviderLogIns", ...]:
    """Return the log-ins with the provider of the settings, or nothing; raise InvalidSettingsError."""
    if settings.oidc_issuer is None:
        return ()
    try:  # only here: most services have none, and the library takes 12 MB of a worker
        from taskward.oidc.provider import Provider
        from taskward.oidc.service import CALLBACK_PATH, ProviderLogIns
    except ImportError:
        raise InvalidSettingsError("OIDC_ISSUER needs the package authlib; install taskward[oidc]") from None
    assert settings.oidc_client_id is not None
    assert settings.oidc_client_secret is not None
    assert settings.public_url is not None
    client_secret = settings.oidc_client_secret.get_secret_value()
    redirect_uri = settings.public_url + CALLBACK_PATH
    return (
        ProviderLogIns(
            Provider(settings.oidc_issuer, settings.oidc_client_id, client_secret, redirect_uri),
            IdentityService(database, settings.registration),
            settings.signing_secret,
            settings.public_url,
        ),
    )
