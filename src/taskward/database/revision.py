"""The schema this code wants, known without Alembic: importing that would cost every worker 9 MB."""

from importlib.resources import files


def newest() -> str:
    """Return the revision of the newest migration, which is the number its file begins with."""
    versions = files("taskward.database.migrations").joinpath("versions")
    return max(file.name.split("_")[0] for file in versions.iterdir() if file.name[:1].isdigit())
