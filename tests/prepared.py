"""A cluster that was made and migrated once in this process. Others are copies of it, in a tenth of the time."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from taskward.database.migrate import migrate
from taskward.database.url import conninfo
from taskward.embedded.server import EmbeddedPostgres


def prepare(data_dir: Path) -> None:
    """Put into `data_dir` the cluster that a first start would leave there; one that is there stays."""
    cluster = data_dir / "postgres"
    if not cluster.exists():
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copytree(_prepared(), cluster)


@cache
def _prepared() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="taskward-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with EmbeddedPostgres(folder, max_connections=10) as server:
        migrate(conninfo(server.url))
    return server.cluster
