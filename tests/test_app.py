import gc
import subprocess
import sys
from weakref import ref

import pytest

from taskward.settings import Settings
from tests.client import connect
from tests.conftest import SECRET, started

pytestmark = pytest.mark.quick

# What migrates, what declares tables, what fetches the keys of a provider, and what writes calendars: 27 MB of
# each worker, for nothing.
UNNEEDED = {"sqlalchemy", "sqlmodel", "alembic", "httpx2", "icalendar"}


def test_a_worker_loads_nothing_that_it_does_not_need() -> None:
    code = f"""
import sys
import taskward.server.protocol
from taskward.app import create_app
from taskward.settings import Settings
create_app(Settings(DATABASE_URL="postgresql://nowhere/", JWT_SECRET_KEY={SECRET!r}))
print(*sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert {"taskward.app", "taskward.tasks.statements", "psycopg"} <= loaded
    assert not UNNEEDED & loaded


async def test_nothing_keeps_an_application_that_has_ended(settings: Settings) -> None:
    """FastAPI remembers functions that it has seen; one that held an application kept thousands in tests."""
    async with started(settings) as app, connect(app, "alice", SECRET) as alice:
        for path in ("/tasks", "/openapi.json", "/docs"):
            assert (await alice.get(path)).status_code == 200
    kept = ref(app)
    del app, alice
    gc.collect()
    assert kept() is None
