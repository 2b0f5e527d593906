"""The `taskward` command. What a command needs is imported when it runs, so that `--help` answers at once."""

import sys

WINDOWS = (
    "taskward: this runs on Linux and macOS. On Windows, install WSL ('wsl --install') and Taskward inside it."
)


def main() -> None:
    """Run the command line."""
    if sys.platform == "win32":  # Windows lacks modules that are imported below
        sys.exit(WINDOWS)
    from taskward.cli.main import cli  # workers import this package as well, and need no command line

    cli()
