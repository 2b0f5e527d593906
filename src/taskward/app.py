"""The application: the one file that knows every part."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

import taskward
from taskward.auth.verify import TokenVerifier
from taskward.database.acting_as import Database
from taskward.database.canary import check_walls
from taskward.database.migrate import head
from taskward.database.url import conninfo
from taskward.http import health
from taskward.http.context import RequestContext
from taskward.http.documentation import install_documentation
from taskward.http.errors import install_error_handlers
from taskward.http.lifecycle import obey_supervisor
from taskward.http.openapi import install_openapi
from taskward.settings import InvalidSettingsError, Settings
from taskward.tasks import routes as tasks
from taskward.tasks.service import TaskService

DESCRIPTION = """
Tasks of many users, each seen by their owner alone.

Every task route wants `Authorization: Bearer <token>`. The three families of paths are one and the same API:
`/tasks` takes the owner from the token; `/api/{user_id}/tasks` and `/users/{user_id}/tasks` name the owner, who
must be the token's user.

Every error is `{"detail": "a sentence for a person", "code": "A_CONSTANT"}`. An address that does not exist is
answered with 404 `NOT_FOUND`, a method that an address does not have with 405 `METHOD_NOT_ALLOWED` and `Allow`.
"""


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the ASGI application; raise InvalidSettingsError. Without `settings`, they are loaded."""
    settings = settings or Settings.load()
    if settings.database_url is None:
        raise InvalidSettingsError("DATABASE_URL must be set, unless `taskward serve` starts the service")
    database = Database(
        conninfo(settings.database_url.get_secret_value()),
        pool_size=settings.db_pool_size,
        max_overflow=settings.db_max_overflow,
    )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        obey_supervisor(on_stopping=lambda: setattr(app.state, "stopping", True))
        await database.open()
        try:
            await check_walls(database)
            yield
        finally:
            await database.close()

    app = FastAPI(
        title="Taskward",
        version=taskward.__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # a redirect would be made from the Host header, which anybody can forge
    )
    app.state.stopping = False
    app.state.database = database
    app.state.schema_revision = head()
    app.state.verifier = TokenVerifier(settings.signing_secret, settings.algorithm)
    app.state.tasks = TaskService(database, reveal_foreign_tasks=settings.reveal_foreign_tasks)

    for prefix in tasks.FAMILIES:
        app.include_router(tasks.router, prefix=prefix)
    app.include_router(health.router)
    install_documentation(app)
    install_openapi(app)
    install_error_handlers(app, development=settings.development)
    app.add_middleware(RequestContext)
    return app
