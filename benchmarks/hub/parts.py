"""Which parts of a hub use the processor: its threads, looked at several times a second."""

import os
from collections import Counter
from pathlib import Path
from threading import Event, Thread
from typing import Final

TICKS: Final = os.sysconf("SC_CLK_TCK")
_LOOK: Final = 0.2
"""Seconds between two looks; a thread that ends loses what it used since the last one, to `ended`."""
_MERGES: Final = "MergeMutate"
"""What the database calls its threads that merge."""


class Parts(Thread):
    """`with Parts(pid) as parts:` then `parts.seconds` of CPU: `python`, `merges`, `database` (inserts and
    questions), and `ended` threads that were not seen to the end."""

    def __init__(self, pid: int) -> None:
        super().__init__()
        self._pid = pid
        self._own = Path(f"/proc/{pid}/comm").read_text().strip()
        self._seen: dict[str, int] = {}
        self._used: Counter[str] = Counter()
        self._ended = Event()

    def __enter__(self) -> "Parts":
        self._before = cpu(Path(f"/proc/{self._pid}"))
        self._look()
        self._used.clear()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()
        self._look()
        self._all = cpu(Path(f"/proc/{self._pid}")) - self._before

    def run(self) -> None:
        while not self._ended.wait(_LOOK):
            self._look()

    @property
    def seconds(self) -> dict[str, float]:
        """By part, and `all`."""
        told = {part: self._used[part] / TICKS for part in ("python", "merges", "database")}
        return {"all": self._all / TICKS, **told, "ended": (self._all - self._used.total()) / TICKS}

    def _look(self) -> None:
        for task in Path(f"/proc/{self._pid}/task").iterdir():
            try:
                name, used = (task / "comm").read_text().strip(), cpu(task)
            except OSError:  # it ended meanwhile
                continue
            part = "python" if name == self._own else "merges" if name == _MERGES else "database"
            self._used[part] += used - self._seen.get(task.name, 0)
            self._seen[task.name] = used


def cpu(task: Path) -> int:
    """Ticks that a process or thread has used, of a folder of /proc."""
    fields = (task / "stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
