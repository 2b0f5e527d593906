"""The features that keep something in the database: the one list, for service, commands and tests."""

from taskward.accounts.tables import TABLES as OF_ACCOUNTS
from taskward.database.tables import Tables
from taskward.tasks.tables import TABLES as OF_TASKS

TABLES = Tables.all_of(OF_TASKS, OF_ACCOUNTS)
