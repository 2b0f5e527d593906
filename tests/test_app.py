import gc
import subprocess
import sys
from weakref import ref

import pytest

from taskward.app import create_app
from taskward.settings import Settings
from tests.conftest import SECRET

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


def test_nothing_keeps_an_application() -> None:
    """FastAPI remembers functions that it has seen; one that held an application kept thousands in tests."""
    app = create_app(Settings(DATABASE_URL="postgresql://nowhere/", JWT_SECRET_KEY=SECRET))
    app.openapi()
    kept = ref(app)
    del app
    gc.collect()
    assert kept() is None
