"""What every table model begins with. Nothing that serves imports it: workers know tables by their SQL."""

from sqlalchemy import MetaData
from sqlalchemy.orm import registry
from sqlmodel import SQLModel

# The names of constraints and indexes, which errors and migrations use. A check says its last part.
NAMES = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}


class TableModel(SQLModel, registry=registry(metadata=MetaData(naming_convention=NAMES))):
    """A table of Taskward. The modules that declare tables are listed in `taskward/tables.py`."""
