"""What processes use: processor time, and memory."""

from collections.abc import Iterable
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Tree:
    """A process and all that it starts."""

    root: psutil.Process

    @classmethod
    def of(cls, pid: int) -> "Tree":
        """Return the tree below process `pid`."""
        return cls(psutil.Process(pid))

    def processor_seconds(self) -> float:
        """Return the processor time of the tree so far, of those that have ended and were waited for as well."""
        times = self.root.cpu_times()
        ended = times.children_user + times.children_system
        return float(ended + sum(_seconds(process) for process in self._processes()))

    def resident_bytes(self) -> int:
        """Return the resident memory of all its processes; what they share is counted in each."""
        return sum(_resident(process) for process in self._processes())

    def workers(self) -> list["Tree"]:
        """Return the worker processes of a supervisor: forks of it, and what `multiprocessing` has spawned."""
        own = _command(self.root)
        commands = {child: _command(child) for child in self.root.children()}
        return [Tree(child) for child, command in commands.items() if command == own or "spawn_main" in command]

    def _processes(self) -> Iterable[psutil.Process]:
        return [self.root, *self.root.children(recursive=True)]


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return "(ended)"


def _seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0
