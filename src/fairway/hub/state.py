"""The state folder: where the hub's files lie. Light, so that every verb may import it."""

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
    def segments(self) -> Path:
        """Batches that were acknowledged and are not in the database yet."""
        return self.folder / "segments"

    @property
    def imports(self) -> Path:
        """Files of flows that the hub is to take in: `NAME.parquet`, by an atomic rename."""
        return self.folder / "imports"

    @property
    def database(self) -> Path:
        """ClickHouse's files."""
        return self.folder / "database"

    @property
    def names(self) -> Path:
        """Who held which address when."""
        return self.folder / "names.jsonl"

    def places(self, grain: str) -> Path:
        """Where maps put their nodes: workloads, or replicas."""
        return self.folder / f"map-{grain}.json"

    def token(self, role: str) -> Path:
        """The token that the hub made for a role."""
        return self.folder / "tokens" / role

    @property
    def door(self) -> Path:
        """Where the hub listens, and how to be let in: for verbs on the same machine."""
        return self.folder / "hub.json"

    @property
    def control(self) -> Path:
        """What each agent is told: `NODE.json`, a wire.rules.NodeFeed."""
        return self.folder / "control"

    @property
    def policies(self) -> Path:
        """Policies that came with an intent, each file called after its content."""
        return self.folder / "policies"

    @property
    def rollouts(self) -> Path:
        """The state of each rollout: `NAME.json`."""
        return self.folder / "rollouts"

    @property
    def anomalies(self) -> Path:
        """What was found to be unlike itself, and what people said of it."""
        return self.folder / "anomalies.json"

    @property
    def jobs(self) -> Path:
        """What became of the policy engine's jobs: `ID.json`."""
        return self.folder / "jobs"

    @property
    def audit(self) -> Path:
        """Who changed what."""
        return self.folder / "audit.jsonl"

    @property
    def intent(self) -> Path:
        """What people want in force and on trial."""
        return self.folder / "intent.json"


def find_state(folder: Path | None) -> State:
    """The state folder a person named, else the lab's; UsageError when there is none."""
    if folder is None:
        if not LAB.is_dir():
            raise UsageError(f"no state folder: {LAB} does not exist; give --state DIR, or start a lab")
        folder = LAB
    if not folder.is_dir():
        raise UsageError(f"`{folder}` is no state folder; give the --state DIR of `fairway hub`")
    return State(folder)


def add_state(parser: argparse.ArgumentParser) -> None:
    """Give a verb `--state`."""
    parser.add_argument("--state", type=Path, metavar="DIR", help=f"a hub's state folder (default: {LAB})")
