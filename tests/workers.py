"""Connections to each worker of a service: by chance, or as it is less busy, one worker may take all that come."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

import httpx2
import psutil

from tests.cli.command import until, workers_of
from tests.service import Service


@contextmanager
def connected_to_each(service: Service, headers: Mapping[str, str]) -> Iterator[list[httpx2.Client]]:
    """Clients that keep one connection each, so many that every worker has some."""
    with ExitStack() as opened:
        clients = []

        def each_has_some() -> bool:
            client = opened.enter_context(httpx2.Client(base_url=service.url, headers=headers))
            assert client.get("/health/live").status_code == 200
            clients.append(client)
            return all(shares(service))

        until(each_has_some)
        yield clients


def statuses(clients: Iterable[httpx2.Client]) -> set[int]:
    """Return what they are answered when they ask for tasks."""
    return {client.get("/tasks").status_code for client in clients}


def shares(service: Service) -> list[int]:
    """Return how many connections each worker has."""
    port = int(service.url.rpartition(":")[2])
    return [connections_of(worker, port) for worker in workers_of(service)]


def connections_of(worker: psutil.Process, port: int) -> int:
    """Return how many connections a worker has at the port of its service."""
    found = worker.net_connections("tcp")
    return sum(each.status == psutil.CONN_ESTABLISHED and each.laddr.port == port for each in found)
