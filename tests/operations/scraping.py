"""Scrapes, from a process of its own, so that the clock of others does not count what a scraper costs itself.

`python -m tests.operations.scraping ADDRESS TOKEN PER_SECOND SECONDS` prints each status with how often it came.
"""

import asyncio
import sys
import time
from collections import Counter
from urllib.parse import urlsplit


async def scrape(address: str, token: str) -> str:
    """Return the status of one scrape, on a connection of its own, read to its end."""
    url = urlsplit(address)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    lines = (
        f"GET {url.path} HTTP/1.1",
        f"Host: {url.netloc}",
        f"Authorization: Bearer {token}",
        "Connection: close",
    )
    writer.write("\r\n".join((*lines, "", "")).encode())
    answered = await reader.read(-1)
    writer.close()
    return answered.split()[1].decode()


async def main(address: str, token: str, per_second: int, seconds: int) -> None:
    """Scrape at an even pace, whoever waits."""
    began, scrapes = time.monotonic(), []
    for number in range(seconds * per_second):
        await asyncio.sleep(max(0, began + number / per_second - time.monotonic()))
        scrapes.append(asyncio.create_task(scrape(address, token)))
    print(Counter(await asyncio.gather(*scrapes)))  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
