"""What the policy engine's answers look like, for the API's description; `hub.engine` makes them."""

import msgspec

from fairway.policy.coverage import Finding
from fairway.policy.diff import Change
from fairway.policy.replay import Breakage
from fairway.policy.review import Doubt
from fairway.policy.sampling import Estimate
from fairway.policy.score import Score
from fairway.policy.sift import LeftOut
from fairway.policy.width import Width


class GeneratedPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """A policy as a file; `ingress` and `egress` count its rules, `evidence` is by rule (`egress[0]`)."""

    policy: str
    workload: str
    ingress: int
    egress: int
    file: str
    yaml: str
    evidence: dict[str, list[str]]


class Generated(msgspec.Struct, frozen=True, kw_only=True):
    """Policies, what made no rule, what to know, what to look at, and how much wider than what was seen."""

    policies: list[GeneratedPolicy]
    left_out: list[LeftOut]
    notes: list[str]
    review: list[Doubt]
    width: Width


class Affected(msgspec.Struct, frozen=True, kw_only=True):
    """Who would miss connections, and how many."""

    workload: str
    connections: int


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """As `policy.replay.Replay`; `passed`: nothing that is missed would be denied."""

    passed: bool
    affected: list[Affected]
    judged: int
    connections: int
    broken: list[Breakage]
    unused_rules: list[str]
    already_denied: list[Breakage]
    unanswered: list[Breakage]
    uncertain: int
    decided: list[Breakage]
    still_allowed: list[str]


class Covered(msgspec.Struct, frozen=True, kw_only=True):
    """As `policy.coverage.Coverage`, over this many seconds of flows."""

    enough: bool
    judged: bool
    observed_seconds: int
    findings: list[Finding]
    scores: list[Score]
    namespaces: dict[str, Estimate]


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """As `policy.diff.Diff`."""

    same: bool
    allowed: list[Change]
    denied: list[Change]
