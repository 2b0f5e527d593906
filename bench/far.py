"""A database far away: `python -m bench.far` is a wire that takes 10 ms each way, as to another region."""

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import uvloop

from bench import servers, wrk
from bench.servers import START_SECONDS, Server, ServerFailedError
from bench.users import User, write

DELAY_SECONDS = 0.010
CONNECTIONS = 400
WARM_UP_SECONDS = 6  # a connection is a handful of round trips
SOCKET = ".s.PGSQL.5432"


@dataclass(frozen=True)
class Far:
    """What one server did with its database far away."""

    name: str
    run: wrk.Run


def measure(folder: Path, ours: str, plain: str, users: list[User], *, seconds: int) -> list[Far]:
    """Read tasks through one worker of the service, then through the usual stack, over the same slow wire."""
    file = write(folder / "far.users", users)
    with far_away(ours) as far, servers.taskward(folder, "far", DATABASE_URL=far) as service:
        found = [_measure(service, file, seconds)]
    with (
        far_away(plain) as far,
        servers.uvicorn(folder, "far-baseline", "bench.baseline.app:app", DATABASE_URL=far) as baseline,
    ):
        found.append(_measure(baseline, file, seconds))
    return found


def _measure(server: Server, users: Path, seconds: int) -> Far:
    for duration in (WARM_UP_SECONDS, seconds):
        run = wrk.run(server, "read", users, seconds=duration, connections=CONNECTIONS, overload=True)
    return Far(server.name, run)


@contextmanager
def far_away(url: str) -> Iterator[str]:
    """Yield the address under which the same database is far away."""
    (near,) = parse_qs(urlsplit(url).query)["host"]
    with tempfile.TemporaryDirectory(prefix="taskward-far-") as folder:
        wire = subprocess.Popen([sys.executable, "-m", "bench.far", near, folder], cwd=servers.ROOT)
        try:
            deadline = time.monotonic() + START_SECONDS
            while not (Path(folder) / SOCKET).exists():
                if wire.poll() is not None or time.monotonic() > deadline:
                    raise ServerFailedError("the slow wire did not start")
                time.sleep(0.005)  # there is no event for a socket that appears
            yield url.replace(quote(near, safe=""), quote(folder, safe=""))
        finally:
            wire.terminate()
            wire.wait()


async def _carry(near: str, folder: str) -> None:
    loop = asyncio.get_running_loop()

    async def one_way(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            loop.call_later(DELAY_SECONDS, sink.write, data)
        loop.call_later(DELAY_SECONDS, sink.close)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection(Path(near) / SOCKET)
        await asyncio.gather(one_way(reader, back), one_way(there, writer))

    server = await asyncio.start_unix_server(serve, Path(folder) / SOCKET)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_carry(*sys.argv[1:]))
