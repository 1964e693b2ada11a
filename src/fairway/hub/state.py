"""The state folder: where the collector's files lie. Light, so that every verb may import it."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fairway.kit.errors import UsageError

LAB: Final = Path("/run/fairway/lab/fairway")


@dataclass(frozen=True, slots=True)
class State:
    """Paths below one state folder."""

    folder: Path

    @property
    def spool(self) -> Path:
        """Agents put their batches here: `NODE-BOOT-SEQUENCE.arrow`, by an atomic rename."""
        return self.folder / "spool"

    @property
    def rejected(self) -> Path:
        """Files of the spool that are no batches."""
        return self.spool / "rejected"

    @property
    def store(self) -> Path:
        """Parquet files of named flows."""
        return self.folder / "store"

    @property
    def control(self) -> Path:
        """What each agent is told: `NODE.json`, a wire.rules.NodeFeed."""
        return self.folder / "control"

    @property
    def intent(self) -> Path:
        """What people want in force and on trial."""
        return self.folder / "intent.json"

    @property
    def agents(self) -> Path:
        """The last report of each agent."""
        return self.folder / "agents.json"

    @property
    def lock(self) -> Path:
        """Held by the one collector that owns the folder."""
        return self.folder / "collector.lock"


def find_state(folder: Path | None) -> State:
    """The state folder a person named, else the lab's; UsageError when there is none."""
    if folder is None:
        if not LAB.is_dir():
            raise UsageError(f"no state folder: {LAB} does not exist; give --state DIR, or start a lab")
        folder = LAB
    if not folder.is_dir():
        raise UsageError(f"`{folder}` is no state folder; give the --state DIR of `fairway collect`")
    return State(folder)


def add_state(parser: argparse.ArgumentParser) -> None:
    """Give a verb `--state`."""
    parser.add_argument("--state", type=Path, metavar="DIR", help=f"the collector's state folder (default: {LAB})")
