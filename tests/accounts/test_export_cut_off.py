"""A document that is written as it is read, of somebody who is deleted meanwhile."""

import socket
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from tests.accounts.people import PASSWORD
from tests.service import Service

EMAIL = "alice@example.com"
BATCHES, TASKS = 20, 50  # more than sockets keep of them
LITTLE = 4096  # bytes that the client keeps of what it has not read


def test_who_reads_it_is_hung_up_on_and_no_mistake_is_logged(tmp_path: Path) -> None:
    with Service(tmp_path / "data") as service, httpx2.Client(base_url=service.url, timeout=30) as client:
        assert client.post("/auth/register", json={"email": EMAIL, "password": PASSWORD}).status_code == 201
        form = {"grant_type": "password", "username": EMAIL, "password": PASSWORD}
        token = client.post("/auth/token", data=form).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        for batch in range(BATCHES):
            tasks = [{"uid": f"{batch}/{n}", "title": "Milk", "description": "x" * 1000} for n in range(TASKS)]
            operations = [{"do": "create", "task": task} for task in tasks]
            assert client.post("/tasks/batch", json={"operations": operations}).status_code == 200
        with reading(service.url, "/auth/me/export", token) as reader:
            read = reader.recv(LITTLE)
            assert client.request("DELETE", "/auth/me", json={"password": PASSWORD}).status_code == 204
            while piece := reader.recv(LITTLE):
                read += piece
    assert read.startswith(b"HTTP/1.1 200")
    assert b"Milk" in read
    assert not read.endswith(b"0\r\n\r\n"), "a chunk without a byte says that all is there"
    assert "cut off by 401 TOKEN_INVALID: The account of this token has been deleted." in service.rest_of_output
    assert "Traceback" not in service.rest_of_output


def reading(url: str, path: str, token: str) -> socket.socket:
    """Return a connection on which somebody asks, and has read nothing yet."""
    address = urlsplit(url)
    connection = socket.socket()
    connection.settimeout(30)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, LITTLE)
    connection.connect((address.hostname, address.port))
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
    return connection
