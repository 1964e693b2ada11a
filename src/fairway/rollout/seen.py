"""What a rollout is decided by: the cluster, its agents and its traffic, as seen at one moment."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import msgspec

COMPUTING: Final = "coverage is being computed"


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    """What is switched at one stroke: a node, a namespace where policies are objects, or a NodeClass. `replicas`
    are the pods it has of each workload; `trouble` is why it cannot be switched now, in words (its agent is silent,
    it is not ready), or empty. `obeys` is whether it does what is wanted of it by now; `doing` how far it is, where
    that takes its time."""

    name: str
    zone: str = ""
    replicas: Mapping[str, int] = {}
    trouble: str = ""
    obeys: bool = True
    doing: str = ""

    @property
    def told(self) -> str:
        """Its name, and how far it is."""
        return f"{self.name} ({self.doing})" if self.doing else self.name


class Broken(msgspec.Struct, frozen=True, kw_only=True):
    """Connections on a known edge that were denied, or would be: who, whom, how many, by what lack. Known is what
    was seen before the policies were on trial, or what the client's own manifest declares: anything else may be an
    intruder's, who must not be able to have policies taken back."""

    client: str
    server: str
    port: str
    count: int
    unit: str
    last: datetime
    why: str = ""


class Low(msgspec.Struct, frozen=True, kw_only=True):
    """A workload of which not enough was seen: its score, None where nothing can be said yet, and why."""

    workload: str
    score: int | None
    why: str = ""


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """How often something bad happened (`bad`) in so many chances (`of`): resets in connections, say."""

    bad: float = 0
    of: float = 0


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """A health signal: `after` is since the step, `before` are tallies of equal spans before the rollout's first
    enforcing, the baseline. `after` took as long as `spans` of these. Fewer than `least` events more than expected
    are nothing that a person would act on."""

    name: str
    least: float = 5
    before: tuple[Tally, ...] = ()
    after: Tally = Tally()
    spans: int = 1


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """All of it. `rarest` is the longest time between two uses of a known edge; `quiet_since` when something on a
    known edge would last have been denied or, if never, since when the policies are on trial; `denied` are since
    the last step. `connect_p99` is in microseconds, before and since the step."""

    units: tuple[Unit, ...] = ()
    scores: tuple[Low, ...] = ()
    """Workloads below the score that is asked for."""
    unscored: str = COMPUTING
    """Why there are no scores, in words; empty once coverage was computed since the rollout began."""
    lint: tuple[str, ...] = ()
    unenforced: tuple[str, ...] = ()
    """Objects that were accepted and that nothing enforces."""
    would_deny: tuple[Broken, ...] = ()
    quiet_since: datetime | None = None
    rarest: timedelta = timedelta()
    denied: tuple[Broken, ...] = ()
    signals: tuple[Signal, ...] = ()
    connect_p99: tuple[float, float] | None = None
    blind: str = ""
    """Why what happens after a step cannot be seen now, in words; empty if it can."""
