"""What tests have in common in which requests wait for each other, for locks, on a machine that may be busy."""

from taskward.settings import Settings
from tests.citus.cluster import on_all_servers
from tests.conftest import SECRET, UNLIMITED

CONNECTIONS = 8
WAITING = on_all_servers(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


def patient_settings(database_url: str) -> Settings:
    """Return settings without limits: who waits for whom is what is tested."""
    return Settings(
        DATABASE_URL=database_url,
        JWT_SECRET_KEY=SECRET,
        DB_POOL_SIZE=CONNECTIONS,
        DB_MAX_OVERFLOW=0,
        RATE_LIMIT=UNLIMITED,
        AUTH_RATE_LIMIT=UNLIMITED,
        MAX_CONCURRENT_REQUESTS=1_000_000,
    )
