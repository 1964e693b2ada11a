"""Denials: who was kept from whom, or would be, and why, in words."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from fairway.hub.columns import CLIENT, SERVER
from fairway.hub.rows import endpoint_of
from fairway.hub.store import read_flows
from fairway.hub.summary import title
from fairway.policy.decide import Judgement, isolates, tiered_rules_of
from fairway.policy.explain import explain_side, port_title
from fairway.policy.model import Action, PolicySet, Selector, TieredPolicy
from fairway.policy.select import selects
from fairway.wire.endpoint import Endpoint
from fairway.wire.words import Direction, Reason, Verdict

PolicySets = Mapping[str, PolicySet | None]
"""By slot, `active` and `staged`: what to name policies from; None or missing when not known."""


@dataclass(frozen=True, slots=True)
class Denial:
    """Connections of one client to one server that one side's policies dropped, or would have.

    `enforced` False: nothing was dropped; `slot` tells whether the policies in force, in audit, or those on trial
    said so. `packets` were dropped; `connections` would have been. `service` is what the client dialled.
    """

    client: Endpoint
    server: Endpoint
    port: int
    protocol: str
    direction: Direction
    slot: str
    enforced: bool
    packets: int
    connections: int
    first_seen: datetime
    last_seen: datetime
    service: str
    reason: str


def read_denials(
    path: Path, policies: PolicySets, since: datetime | None = None, until: datetime | None = None
) -> list[Denial]:
    """Denials in the flows at `path` (as of `store.read_flows`): what was dropped before what would be, then the
    latest first."""
    return denials_of(read_flows(path, since, until), policies)


def denials_of(flows: pa.Table, policies: PolicySets) -> list[Denial]:
    """The same of flows in the columns of `hub.columns`."""
    flows = flows.unify_dictionaries()
    found = [denial for slot in _COLUMNS for denial in _of_slot(flows, slot, policies.get(slot))]
    return sorted(found, key=_rank, reverse=True)


def _rank(denial: Denial) -> tuple[bool, datetime, str]:
    return denial.enforced, denial.last_seen, denial.client.title


_COLUMNS: Final = {"active": ("verdict", "reason"), "staged": ("staged", "staged_reason")}
_COUNTERS: Final = ("denied", "connections", "sent_packets", "received_packets")
_WHO: Final = (*CLIENT, *SERVER, "port", "protocol", "service", "reporter")


def _of_slot(flows: pa.Table, slot: str, policies: PolicySet | None) -> list[Denial]:
    verdict, reason = _COLUMNS[slot]
    # First sights carry no counters; the flow itself follows them. A pod's rest has no remote end.
    denied = pc.and_(
        pc.equal(flows[verdict].cast(pa.string()), "deny"), pc.equal(flows["kind"].cast(pa.string()), "flow")
    )
    grouped = (
        flows.filter(denied)
        .group_by([*_WHO, reason])
        .aggregate([(name, "sum") for name in _COUNTERS] + [("first_seen", "min"), ("last_seen", "max")])
    )
    denials = [_denial(row, slot, row[reason], policies) for row in grouped.to_pylist()]
    return [denial for denial in denials if denial.packets or denial.connections]


def _denial(row: dict[str, Any], slot: str, reason: str, policies: PolicySet | None) -> Denial:
    client, server = endpoint_of(row, "client"), endpoint_of(row, "server")
    direction = Direction.EGRESS if row["reporter"] == "client" else Direction.INGRESS
    packets = row["denied_sum"] if slot == "active" else 0
    # A connection opened before the policies came is judged too, though none was opened since.
    open_before = row["sent_packets_sum"] + row["received_packets_sum"] > 0
    return Denial(
        client=client,
        server=server,
        port=row["port"],
        protocol=row["protocol"],
        direction=direction,
        slot=slot,
        enforced=packets > 0,
        packets=packets,
        connections=max(row["connections_sum"], int(open_before)),
        first_seen=row["first_seen_min"].astimezone(UTC),
        last_seen=row["last_seen_max"].astimezone(UTC),
        service=row["service"],
        reason=why(reason, direction, client, server, row["port"], row["protocol"], policies),
    )


def why(
    reason: str,
    direction: Direction,
    client: Endpoint,
    server: Endpoint,
    port: int,
    protocol: str,
    policies: PolicySet | None,
) -> str:
    """The kernel's reason (words.Reason in lower case) as a sentence that names pods and policies."""
    if reason not in ("no_rule", "posture"):
        return f"{direction.name.lower()}: {in_words(reason)}"
    subject = server if direction is Direction.INGRESS else client
    chosen = policies.policies if policies else ()
    isolating = tuple(policy.title for policy in chosen if isolates(policy, direction, subject))
    isolating += tuple(_denying(policies.tiered, direction, subject)) if policies else ()
    unnamed = "a policy that is not set any more" if policies else "a policy"
    judgement = Judgement(Verdict.DENY, Reason[reason.upper()], isolating or (unnamed,))
    return explain_side(direction, judgement, client, server, port_title(port, protocol), title)


def _denying(policies: Iterable[TieredPolicy], direction: Direction, subject: Endpoint) -> Iterator[str]:
    """The cluster-wide policies that may have denied: the kernel does not say which, and a flow has no
    namespace's labels."""
    for policy in policies:
        denies = any(rule.action is Action.DENY for rule in tiered_rules_of(policy, direction))
        if denies and selects(policy.subject.pods or Selector(), dict(subject.labels)):
            yield policy.title


def in_words(reason: str) -> str:
    """A reason of the kernel's (words.Reason in lower case) where no policy is known that it could name."""
    return _REASONS.get(reason, f"reason `{reason}`")


_REASONS: Final = {
    "no_rule": "no rule allows it",
    "posture": "no policy selects the pod, and the posture is deny",
    "unknown_pod": "the agent had no rules for the pod yet, and the posture is deny",
    "fragment": "a later fragment came without its first one",
    "unparsed": "the packet was cut short, is no IP, or has more extension headers than are read",
}
