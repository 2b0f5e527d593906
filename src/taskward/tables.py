"""The schema as the code wants it: every module that declares tables is named here, and nowhere else.

`make migration` drafts a migration from what differs between these models and the migrations so far, and a test
holds the two to each other.
"""

import taskward.accounts.model  # noqa: F401
from taskward.database.table_model import TableModel
from taskward.tasks.model import FUNCTIONS

METADATA = TableModel.metadata
CALLED_BY_CHECKS = FUNCTIONS
