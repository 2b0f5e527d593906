"""Very many clients in a process of their own: `python -m tests.server.crowd WAY URL NUMBER`.

`unread` asks for the largest page and reads 23 KB/s of it; `silent` sends one byte. Both begin again when the
service has closed the connection, until standard input ends. Prints a line when it begins,
and at the end how many connections it made.
"""

import asyncio
import socket
import sys
from urllib.parse import urlsplit

from tests.server.wire import request

SOURCE = "127.0.0.9"
REST = 2  # seconds, before somebody whose connection was closed comes again
LIST = request("GET", "/tasks?limit=1000", "alice")
STEP, PAUSE = 2300, 0.1

made = 0


async def unread(connection: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    while await loop.sock_recv(connection, STEP):  # noqa: ASYNC110
        await asyncio.sleep(PAUSE)


async def silent(connection: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    await loop.sock_recv(connection, 1)


WAYS = {"unread": (LIST, unread, 8), "silent": (b"G", silent, 100)}  # what is sent, then, how many begin at once


async def crowd(way: str, url: str, number: int) -> None:
    global made
    data, go_on, at_once = WAYS[way]
    address, turns = urlsplit(url), asyncio.Semaphore(at_once)
    loop = asyncio.get_running_loop()

    async def one() -> None:
        global made
        while True:
            with socket.socket() as connection:
                connection.setblocking(False)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                connection.bind((SOURCE, 0))
                try:
                    async with turns:
                        await loop.sock_connect(connection, (address.hostname, address.port))
                        await loop.sock_sendall(connection, data)
                        if way == "unread":
                            await loop.sock_recv(connection, 1)  # its page is made, and the next one may be
                    made += 1
                    await go_on(connection)
                except OSError:
                    pass
            await asyncio.sleep(REST)

    print("begun", flush=True)  # noqa: T201
    everybody = [asyncio.create_task(one()) for _ in range(number)]
    await asyncio.to_thread(sys.stdin.read)
    for each in everybody:
        each.cancel()


if __name__ == "__main__":
    asyncio.run(crowd(sys.argv[1], sys.argv[2], int(sys.argv[3])))
    print(made)  # noqa: T201
