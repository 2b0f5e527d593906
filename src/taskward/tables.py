"""The schema as the code wants it: every module that declares tables is named here, and nowhere else.

A test holds the models and the migrations to each other.
"""

import taskward.accounts.model
import taskward.tasks.model  # noqa: F401
from taskward.database.table_model import TableModel

METADATA = TableModel.metadata
