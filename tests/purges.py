"""What tests do with purges, which run in the background."""

import asyncio

from taskward.database.purge import TASK_NAME

INTERVAL = "taskward.database.purge.INTERVAL_SECONDS"


async def purges_end() -> None:
    """Wait until no purge is under way."""
    await asyncio.gather(*(task for task in asyncio.all_tasks() if task.get_name() == TASK_NAME))
