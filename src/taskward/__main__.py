"""`python -m taskward` is the `taskward` command."""

from taskward.cli import main

main()
