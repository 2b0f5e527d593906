"""The application: the one file that knows every part."""

import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from fastapi import FastAPI

import taskward
from taskward.account_parts import AccountParts
from taskward.accounts import token_routes
from taskward.accounts.service import check_account
from taskward.api.errors import ErrorRenderer, install_error_handlers
from taskward.api.personal_data import PersonalData
from taskward.api.state import LIFESPAN_STATE, AppState, ConnectionLimits, attach
from taskward.auth.verify import TokenVerifier
from taskward.database.revision import newest
from taskward.database.startup_check import NotMigratedError, check_isolation
from taskward.database.transaction import Database
from taskward.database.url import conninfo
from taskward.errors import DatabaseUnavailableError
from taskward.features import TABLES
from taskward.hints.hints import Hints
from taskward.hints.siblings import FOLDER
from taskward.mcp.access import METADATA_PATH, AgentToken, origin_of
from taskward.mcp.routes import agent_routes, metadata_routes
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
from taskward.server.application import Application
from taskward.server.connections import files_for_connections
from taskward.server.fast_routes import FastRoutes
from taskward.server.lifecycle import OneLineRefusal, freeze_gc, obey_supervisor
from taskward.server.openapi import install_openapi
from taskward.server.path_methods import methods_of
from taskward.settings import InvalidSettingsError, Settings
from taskward.tasks import calendar_routes
from taskward.tasks import routes as tasks
from taskward.tasks.calendar_service import CalendarService
from taskward.tasks.changes_service import ChangesService
from taskward.tasks.cursor import Cursors
from taskward.tasks.personal_data import PersonalTasks
from taskward.tasks.service import TaskService
from taskward.web.routes import page_routes

if TYPE_CHECKING:
    pass

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

    rate_limits = RateLimits(settings, counted.rate_limited)
    account_parts = AccountParts(settings, database, counted, rate_limits)
    verifier = TokenVerifier.from_settings(settings, account_parts.log_ins, account_parts.personal_tokens.find)
    tasks_service = TaskService(
        database, Cursors(settings.cursor_secret), reveal_foreign_tasks=settings.reveal_foreign_tasks
    )
    changes_service = ChangesService(database)

    state = AppState(
        metrics=counted,
        database=database,
        schema_revision=newest(),
        verifier=verifier,
        log_ins=account_parts.log_ins,
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
            CalendarService(database),
            *account_parts.services,
            PersonalData({**account_parts.personal_data, **PersonalTasks(database).parts}),
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
            await account_parts.close()
            await database.close()
            await rate_limits.close()

    app = Application(
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
    app.include_router(calendar_routes.router)
    for router in account_parts.routers:
        app.include_router(router)
    cors = Cors(settings.allowed_origins)
    if settings.mcp:
        _add_agents(app, settings, cors)
    _add_service_routes(app, settings)
    install_openapi(app, token_path=token_routes.TOKEN_PATH if settings.accounts_enabled else None)
    renderer = ErrorRenderer(development=settings.development)
    install_error_handlers(app, renderer, methods_of=partial(methods_of, app))
    app.add_middleware(OneLineRefusal)
    app.add_middleware(FastRoutes, owner=app)
    _add_root_path(app, settings)
    app.add_middleware(RequestContext, cors=cors, metrics=counted, access_log=settings.access_log)
    return app


def _add_agents(app: FastAPI, settings: Settings, cors: Cors) -> None:
    address, issuer = settings.agents_address, settings.agents_issuer
    metadata_url = f"{settings.public_url}{METADATA_PATH}" if issuer else None
    app.include_router(agent_routes(AgentToken(metadata_url, address and origin_of(address), cors.allows)))
    if address and issuer:
        app.include_router(metadata_routes(address, issuer))


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


def _hints(settings: Settings) -> Hints:
    url = settings.rate_limit_storage_url
    connections = files_for_connections(settings.db_pool_size + settings.db_max_overflow)
    return Hints(
        most_waiting=connections * 3 // 4,  # the rest is for those who want an answer
        poll_seconds=settings.changes_poll_seconds,
        folder=os.environ.get(FOLDER),
        valkey=connection_pool(url.get_secret_value()) if url else None,
    )
