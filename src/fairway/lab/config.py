"""What a lab is called and where it keeps its files."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from fairway.kit.errors import UsageError

_NAME: Final = re.compile(r"[a-z][a-z0-9]{0,15}")


def _default_name() -> str:
    return os.environ.get("FAIRWAY_LAB") or "lab"


@dataclass(frozen=True, slots=True)
class LabConfig:
    """A lab's name (default: the environment's FAIRWAY_LAB, else `lab`) and the folder that labs live in."""

    name: str = field(default_factory=_default_name)
    root: Path = Path("/run/fairway")

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise UsageError(f"lab name `{self.name}`: use 1 to 16 lower-case letters and digits, a letter first")

    @property
    def directory(self) -> Path:
        return self.root / self.name

    @property
    def cluster(self) -> Path:
        """The folder of Kubernetes manifests."""
        return self.directory / "cluster"

    @property
    def ranges(self) -> Path:
        """The published address ranges, in the form of AWS's ip-ranges.json."""
        return self.directory / "ip-ranges.json"

    @property
    def logs(self) -> Path:
        return self.directory / "logs"

    @property
    def scrape_targets(self) -> Path:
        """Prometheus' file-discovery file."""
        return self.directory / "targets" / "prometheus.json"

    @property
    def balancer_targets(self) -> Path:
        return self.directory / "targets" / "balancer.json"
