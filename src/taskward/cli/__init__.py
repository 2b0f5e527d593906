"""The `taskward` command. What a command needs is imported when it runs, so that `--help` answers at once."""


def main() -> None:
    """Run the command line."""
    from taskward.cli.main import cli  # workers import this package as well, and need no command line

    cli()
