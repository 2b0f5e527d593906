"""A process that has loaded all commands, and forks for each that is to run: `python forks.py FD`.

To load what a command needs takes longer than most of what it does. FD is a socket. Each message on it is the
arguments, the settings and the folder of a command, with the files for its output and its errors; the answers are
its process id, then its exit code. The fork then goes on as `python -m taskward` would: at the end of this file.
"""

import gc
import json
import os
import pkgutil
import socket
import sys
from importlib import import_module

from taskward import cli
from taskward.cli import main

LONGEST = 100_000  # bytes of a message, as a token may be long


def load_all() -> None:
    """Import every command, and what they load when they run. `main` is their function, taken before this."""
    for module in pkgutil.iter_modules(cli.__path__, "taskward.cli."):
        import_module(module.name)
    import_module("taskward.app")
    gc.freeze()


def become_the_next(connection: socket.socket) -> None:
    """Fork for each message; return in the forks alone, each of which is then to run its command."""
    while True:
        message, files, _, _ = socket.recv_fds(connection, LONGEST, 2)
        if not message:
            os._exit(0)  # whoever started this has ended
        pid = os.fork()
        if pid == 0:
            break
        for file in files:
            os.close(file)
        connection.send(str(pid).encode())
        _, status = os.waitpid(pid, 0)
        connection.send(str(os.waitstatus_to_exitcode(status)).encode())
    connection.close()
    arguments, settings, folder = json.loads(message)
    for number, file in enumerate(files, 1):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(settings)
    os.chdir(folder)
    sys.argv = ["taskward", *arguments]


if __name__ == "__main__":
    load_all()
    become_the_next(socket.socket(fileno=int(sys.argv[1])))
    main()
