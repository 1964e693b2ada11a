"""One pod in front of the real programs, by BPF_PROG_TEST_RUN: the loopback (interface 1) plays its veth."""

from dataclasses import dataclass, field

import numpy as np

from fairway.agent.kernel import Kernel
from fairway.agent.obey import Enforcement
from fairway.wire.rules import ANY, FIRST_POLICY, PodRules, Row, RuleTable
from fairway.wire.words import Direction, Mode, Verdict
from support import frames

DROP, PASS = 2, -1
LOOPBACK = 1
UID = "pod"


@dataclass
class PodUnderTest:
    kernel: Kernel
    address: str = "10.0.1.130"
    address6: str = "2001:db8:0:1::100"
    revision: int = 0
    enforcement: Enforcement = field(init=False)

    def __post_init__(self) -> None:
        self.enforcement = Enforcement(self.kernel)

    def obey(self, table: RuleTable) -> None:
        self.enforcement.obey(table)
        self.enforcement.add(LOOPBACK, UID)

    def rules(self, *rows: Row, mode: Mode = Mode.ENFORCE, staged: bool = False, **table: object) -> None:
        """Isolate the pod in both directions in one slot, with these rows."""
        isolated = (FIRST_POLICY, FIRST_POLICY)
        pod = PodRules(UID, **{"staged" if staged else "active": isolated}, mode=(mode, mode))
        self.revision += 1
        self.obey(RuleTable(revision=self.revision, pods=(pod,), rows=rows, **table))

    def sends(self, frame: bytes) -> bool:
        """Whether a frame from the pod passes."""
        return self.kernel.run("fairway_from_pod", frame) == PASS

    def gets(self, frame: bytes) -> bool:
        """Whether a frame to the pod passes."""
        return self.kernel.run("fairway_to_pod", frame) == PASS

    def opens(self, remote: str, protocol: int, port: int, sport: int) -> bool:
        """Whether the pod may open a connection."""
        return self.sends(frames.ip(self._own(remote), remote, protocol, frames.transport(protocol, sport, port)))

    def accepts(self, remote: str, protocol: int, port: int, sport: int) -> bool:
        """Whether a connection to the pod may be opened."""
        return self.gets(frames.ip(remote, self._own(remote), protocol, frames.transport(protocol, sport, port)))

    def _own(self, remote: str) -> str:
        return self.address6 if ":" in remote else self.address

    def flow(self, **key: int) -> np.void:
        """The only flow whose key has these fields."""
        keys, values = self.kernel.tables["flows"].read()
        keep = np.ones(len(keys), bool)
        for name, number in key.items():
            keep &= keys[name] == number
        assert keep.sum() == 1, f"{keep.sum()} flows with {key}"
        return values[keep][0]


def allow(
    direction: Direction, low: int, high: int | None = None, protocol: int = frames.TCP, identity: int = ANY
) -> Row:
    return Row(FIRST_POLICY, identity, direction, protocol, low, low if high is None else high, 1)


__all__ = ["ANY", "DROP", "LOOPBACK", "PASS", "UID", "PodUnderTest", "Verdict", "allow"]
