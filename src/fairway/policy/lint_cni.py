"""Checks for one network plugin: what it is known not to do although the API server accepts the policy."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

from fairway.policy.decide import in_block, isolates, parsed, peer_matches, rules_of
from fairway.policy.ends import listed
from fairway.policy.findings import Finding, Severity
from fairway.policy.model import NetworkPolicy, Ports, Rule
from fairway.policy.scene import Scene, place
from fairway.wire.endpoint import Endpoint
from fairway.wire.words import Direction

CNIS: Final = ("calico", "cilium", "flannel", "vpc-cni")
"""The network plugins that are known here."""
PORT_LIMIT: Final = 24
"""Port and protocol pairs that the Amazon VPC CNI keeps for one peer of one pod
(https://docs.aws.amazon.com/eks/latest/userguide/cni-network-policy.html)."""


def traps(scene: Scene, cni: str) -> Iterator[Finding]:
    """What `cni` would do otherwise than the policies say. ValueError if it is none of CNIS."""
    if cni not in CNIS:
        raise ValueError(f"{cni} is not a known network plugin")
    if cni == "flannel" and scene.policies.policies:
        what = "flannel enforces no NetworkPolicy; every one of these is accepted and does nothing"
        do = "enforce them with Fairway, or add a plugin that does (Calico, for one, runs beside flannel)"
        yield Finding(Severity.ERROR, "cni-ignores", "the whole set", what, do)
    if cni == "cilium":
        yield from _blocks_of_pods(scene)
        yield from _sctp(scene)
    if cni == "vpc-cni":
        yield from _port_limit(scene)


def _blocks_of_pods(scene: Scene) -> Iterator[Finding]:
    """ipBlocks that a pod can be reached through: Cilium matches pods by labels only."""
    for policy, direction, index, rule in scene.rules():
        pods = [end for end in scene.pods if _by_block(rule, end)]
        others = [end for end in pods if not _by_selector(scene, policy, rule, end)]
        if others:
            names = listed(sorted({end.group for end in others}))
            what = f"its ipBlock covers pods ({names}); Cilium matches pods by labels only"
            do = "name these pods by labels, if they are meant"
            wide = any(peer.block and peer.block.network.prefixlen == 0 for peer in rule.peers or ())
            severity = Severity.NOTE if wide else Severity.ERROR
            yield Finding(severity, "cni-ignores", place(policy, direction, index), what, do)


def _by_block(rule: Rule, end: Endpoint) -> bool:
    return any(peer.block and in_block(peer.block, parsed(end.address)) for peer in rule.peers or ())


def _by_selector(scene: Scene, policy: NetworkPolicy, rule: Rule, end: Endpoint) -> bool:
    namespaces = scene.cluster.namespaces
    return any(
        peer.block is None and peer_matches(peer, policy.namespace, namespaces, end) for peer in rule.peers or ()
    )


def _sctp(scene: Scene) -> Iterator[Finding]:
    for policy, direction, index, rule in scene.rules():
        if any(element.protocol == "SCTP" for element in rule.ports or ()):
            what = "names SCTP, which Cilium leaves alone unless it is installed with sctp.enabled"
            do = "see `helm get values cilium -n kube-system`, and set sctp.enabled=true"
            yield Finding(Severity.WARNING, "cni-ignores", place(policy, direction, index), what, do)


def _port_limit(scene: Scene) -> Iterator[Finding]:
    """Peers of a pod for which all its policies together name more ports than fit."""
    said = set()
    for end in scene.pods:
        for direction in Direction:
            isolating = tuple(p for p in scene.policies.policies if isolates(p, direction, end))
            key = (direction, tuple(p.title for p in isolating))
            if not isolating or key in said:
                continue
            said.add(key)
            for names, count in _crowded(scene, isolating, direction):
                what = (
                    f"{end.group} has {count} ports for {names} in {direction.name.lower()}; "
                    f"the VPC CNI keeps {PORT_LIMIT} for one address and drops the rest"
                )
                do = "join neighbouring ports into ranges with endPort"
                yield Finding(Severity.ERROR, "port-limit", place(isolating[0]), what, do)


def _crowded(scene: Scene, isolating: Iterable[NetworkPolicy], direction: Direction) -> Iterator[tuple[str, int]]:
    """Peers with too many ports, and how many."""
    ports: dict[str, set[Ports | None]] = defaultdict(set)
    matched: dict[str, set[str]] = defaultdict(set)
    for policy in isolating:
        for rule in rules_of(policy, direction) or ():
            for end in scene.peers(policy, rule):
                ports[end.address].update(rule.ports or (None,))
                matched[end.address].add(end.group)
            for peer in rule.peers or ():
                if peer.block is not None:
                    ports[str(peer.block.network)].update(rule.ports or (None,))
                    matched[str(peer.block.network)].add(str(peer.block.network))
    crowded: dict[int, set[str]] = defaultdict(set)
    for key, elements in ports.items():
        if len(elements) > PORT_LIMIT:
            crowded[len(elements)] |= matched[key]
    for count, names in sorted(crowded.items()):
        yield listed(sorted(names)), count
