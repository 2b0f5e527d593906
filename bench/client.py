"""A client with many connections that either keeps to a timetable or saturates: `python -m bench.client`.

wrk has no constant rate, and does not say which connection got how much. Here each connection has a timetable of
its own, and a latency counts from the moment when the request was due, sent or not: a server that stalls cannot
hide the requests that would have come meanwhile. One thread and no framework, so that it needs little of the
machine it measures; it reports how much, and how late it was itself.
"""

import argparse
import gc
import heapq
import json
import random
import select
import selectors
import socket
import time
from collections import Counter, deque
from pathlib import Path
from statistics import median

WRITES = ("create", "update", "complete")
BODIES = {"create": b'{"title": "Buy milk"}', "update": b'{"title": "Buy bread"}', "complete": b""}


class Client:
    """The requests of one user: 70 reads, 20 lists and 10 writes of 100."""

    def __init__(self, line: str, port: int) -> None:
        """Take a line of the file of users."""
        token, _, ids, _ = line.split()
        self._ids = ids.split(",")
        self._head = f" HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"

    def request(self) -> bytes:
        """Return the bytes of a request."""
        chance, task = random.random(), f"/tasks/{random.choice(self._ids)}"
        if chance < 0.7:
            return f"GET {task}{self._head}\r\n".encode()
        if chance < 0.9:
            return f"GET /tasks?limit=20{self._head}\r\n".encode()
        write = random.choice(WRITES)
        start = {"create": "POST /tasks", "update": f"PATCH {task}", "complete": f"PATCH {task}/complete"}[write]
        body = BODIES[write]
        kind = "Content-Type: application/json\r\n" if body else ""
        return f"{start}{self._head}{kind}Content-Length: {len(body)}\r\n\r\n".encode() + body


class Connection:
    """A kept-alive connection with at most one request under way."""

    def __init__(self, client: Client, port: int) -> None:
        """Connect."""
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.overdue: deque[float] = deque()  # when requests were due that had to wait for the one under way
        self.due: float | None = None  # of the request under way
        self.responses = 0
        self._client = client
        self._received = b""

    def send(self, due: float) -> None:
        """Send a request that was due at this time."""
        self.due = due
        self.socket.sendall(self._client.request())

    def receive(self) -> int | None:
        """Take what has arrived; return the status once the whole response has."""
        data = self.socket.recv(65_536)
        if not data:
            raise ConnectionError("the server closed a connection")
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        _, declared, rest = head.lower().partition(b"\r\ncontent-length: ")
        if not end or len(body) < int(rest.split(b"\r\n", 1)[0] if declared else 0):
            return None
        self._received = b""
        self.responses += 1
        return int(head[9:12])


class Load:
    """All connections, until the time is up."""

    def __init__(self, clients: list[Client], port: int, connections: int, rate: float | None) -> None:
        """Connect; take how many requests to send per second, over all connections (None: as many as can be)."""
        self._selector = selectors.DefaultSelector()  # before the connections: select() wants a low descriptor
        self.connections = [Connection(clients[n % len(clients)], port) for n in range(connections)]
        self._interval = connections / rate if rate else None
        self._timetable: list[tuple[float, int]] = []
        self.latencies: list[float] = []
        self.lags: list[float] = []  # by how much this client was late itself
        self.statuses: Counter[int] = Counter()
        for connection in self.connections:
            self._selector.register(connection.socket, selectors.EVENT_READ, connection)

    def run(self, seconds: float) -> None:
        """Send all that is due in this time, and leave what then has no response yet."""
        start = time.perf_counter()
        if self._interval:
            self._timetable = [(start + random.random() * self._interval, n) for n in range(len(self.connections))]
            heapq.heapify(self._timetable)
        else:
            for connection in self.connections:
                connection.send(start)
        while (now := time.perf_counter()) < start + seconds:
            self._send_what_is_due(now)
            next_due = self._timetable[0][0] if self._timetable else now + 0.1
            # A selector counts in milliseconds, select() in microseconds, and a selector can be waited for.
            select.select([self._selector], [], [], max(0, next_due - time.perf_counter()))
            for key, _ in self._selector.select(0):
                self._take_response(key.data)
        self._send_what_is_due(start + seconds)

    def _send_what_is_due(self, now: float) -> None:
        while self._timetable and self._timetable[0][0] <= now:
            due, number = self._timetable[0]
            assert self._interval
            heapq.heapreplace(self._timetable, (due + self._interval, number))
            connection = self.connections[number]
            if connection.due is None:
                self.lags.append(time.perf_counter() - due)
                connection.send(due)
            else:
                connection.overdue.append(due)

    def _take_response(self, connection: Connection) -> None:
        if (status := connection.receive()) is None:
            return
        now = time.perf_counter()
        assert connection.due is not None
        self.latencies.append(now - connection.due)
        self.statuses[status] += 1
        connection.due = None
        if not self._interval:
            connection.send(now)
        elif connection.overdue:
            connection.send(connection.overdue.popleft())

    def close(self) -> None:
        """Close the connections."""
        self._selector.close()
        for connection in self.connections:
            connection.socket.close()

    def waiting(self, now: float) -> list[float]:
        """Return for how long the requests have been due that have no response yet."""
        due = [connection.due for connection in self.connections if connection.due is not None]
        return [now - time for time in (*due, *(time for c in self.connections for time in c.overdue))]


def percentile(values: list[float], percent: float) -> float:
    """Return the value that `percent` of the values do not exceed, in milliseconds."""
    return 1000 * sorted(values)[min(len(values) - 1, int(len(values) * percent / 100))] if values else 0.0


def main() -> None:
    """Print what was seen as JSON. Latencies in milliseconds; a request without a response counts as it stands."""
    parser = argparse.ArgumentParser(prog="python -m bench.client", description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("users", type=Path)
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument(
        "--rate", type=float, help="requests per second, over all connections; saturates unless given"
    )
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    clients = [Client(line, options.port) for line in options.users.read_text().splitlines()]
    load = Load(clients, options.port, options.connections, options.rate)
    gc.disable()
    busy = time.process_time()
    load.run(options.seconds)
    busy = time.process_time() - busy
    responses = sorted(connection.responses for connection in load.connections)
    waiting = load.waiting(time.perf_counter())
    latencies = load.latencies + (waiting if options.rate else [])
    print(
        json.dumps(
            {
                "requests": len(load.latencies),
                "unanswered": len(waiting),
                "p50": percentile(latencies, 50),
                "p95": percentile(latencies, 95),
                "p99": percentile(latencies, 99),
                "lag": percentile(load.lags, 99),
                "busy": busy / options.seconds,
                "statuses": load.statuses,
                "least": responses[0],
                "median": median(responses),
                "most": responses[-1],
            }
        )
    )


if __name__ == "__main__":
    main()
