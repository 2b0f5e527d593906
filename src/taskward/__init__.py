"""Taskward: a multi-user task API on FastAPI, SQLModel and PostgreSQL."""

from importlib.metadata import version

__version__ = version("taskward")
