"""Findings: what a check of policies tells, and how bad it is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from fairway.policy.scene import Scene


class Severity(StrEnum):
    """How bad: an error will break or open something; a warning is probably a mistake; a note is worth a look."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found: `code` says which kind, `where` names file, policy and rule."""

    severity: Severity
    code: str
    where: str
    what: str
    do: str


Check = Callable[[Scene], Iterator[Finding]]

CODES: Final = {
    "cni-ignores": "the network plugin does not do what the policy says",
    "contradicted": "earlier rules decide all that the rule is about, and otherwise",
    "dns-forgotten": "pods with egress rules cannot ask the cluster's DNS",
    "half-open": "one side allows what the other side denies",
    "ipv4-forgotten": "a rule names IPv6 networks only, for pods that have IPv4 addresses, too",
    "ipv6-forgotten": "a rule names IPv4 networks only, for pods that have IPv6 addresses, too",
    "mixed-groups": "policies of several API groups are in one tier",
    "name-outside": "a port's name is used for addresses that have no names",
    "name-unserved": "a port's name that no pod behind the rule has",
    "never-selects": "a selector contradicts itself",
    "no-effect": "what the rule allows is allowed by others already",
    "peer-selects-nothing": "a peer matches no pod",
    "policy-selects-nothing": "a policy selects no pod",
    "port-limit": "more ports for one peer than the network plugin keeps",
    "priority-tie": "two policies of one priority disagree",
    "service-port": "a Service's port where the pods' port is meant",
    "shadowed": "the rule is never asked: others decide before it",
    "too-wide": "a rule allows far more than was seen",
    "unknown-peer": "a peer of a kind that is not known fails closed",
    "unselected": "a workload that no policy isolates in a direction",
    "unused": "no recorded flow used the rule",
}
"""Every code and what it means."""
