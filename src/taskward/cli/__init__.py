"""The `taskward` command. What a command needs is imported when it runs, so that `--help` answers at once."""

from taskward.cli.main import main

__all__ = ["main"]
