"""Job files: what became of each job, on disk, so that a restart forgets no answer."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from fairway.kit.files import write_atomically

LOST = "the hub ended while it ran; ask again"


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A job as it was last: the words of `hub.jobs.Job`."""

    id: str
    owner: str
    verb: str
    started: float
    state: str
    step: str
    done: float
    answer: dict[str, Any] | None = None
    error: str = ""


class JobFiles:
    """`ID.json` in a folder. A disk that refuses is told: the job is then remembered until the hub ends."""

    def __init__(self, folder: Path, log: Callable[[str], None]) -> None:
        self._folder = folder
        self._log = log

    def read(self) -> Iterator[Kept]:
        """All that are there, the oldest first; what cannot be read is told and left alone."""
        found = []
        for path in sorted(self._folder.glob("*.json")):
            try:
                found.append(msgspec.json.decode(path.read_bytes(), type=Kept))
            except (OSError, msgspec.MsgspecError) as error:
                self._log(f"jobs: {path} cannot be read: {error}; remove it")
        yield from sorted(found, key=lambda job: job.started)

    def write(self, job: Kept) -> None:
        """In the place of what was there of it."""
        try:
            write_atomically(self._folder / f"{job.id}.json", msgspec.json.encode(job))
        except OSError as error:
            self._log(f"jobs: {self._folder}: {error.strerror}; job {job.id} will not outlive the hub")

    def remove(self, name: str) -> None:
        """It is to be remembered no more."""
        (self._folder / f"{name}.json").unlink(missing_ok=True)
