"""Checks for one network plugin: what it is known not to do although the API server accepts the policy."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from fairway.policy.decide import in_block, parsed, peer_matches
from fairway.policy.ends import listed
from fairway.policy.findings import Finding, Severity
from fairway.policy.lint_kinds import KINDS, unenforced
from fairway.policy.model import NetworkPolicy, Ports, TieredPolicy
from fairway.policy.scene import Placed, Scene, place
from fairway.wire.endpoint import Endpoint
from fairway.wire.words import Direction

CNIS: Final = tuple(sorted(KINDS))
"""The network plugins that are known here."""
PORT_LIMIT: Final = 24
"""Port and protocol pairs that the Amazon VPC CNI keeps for one peer of one pod
(https://docs.aws.amazon.com/eks/latest/userguide/cni-network-policy.html)."""
LAST_PRIORITY: Final = 99
"""Of AdminNetworkPolicies in OVN-Kubernetes (docs/features/network-security-controls/admin-network-policy.md)."""


def traps(scene: Scene, cni: str) -> Iterator[Finding]:
    """What `cni` would do otherwise than the policies say. ValueError if it is none of CNIS."""
    if cni not in CNIS:
        raise ValueError(f"{cni} is not a known network plugin")
    yield from unenforced(scene, cni)
    for check in _TRAPS.get(cni, ()):
        yield from check(scene)


def _blocks_of_pods(scene: Scene) -> Iterator[Finding]:
    """ipBlocks that a pod can be reached through: Cilium matches pods by labels only (cilium/cilium#9209)."""
    for placed in scene.rules:
        if not any(peer.block for peer in placed.written.peers or ()):
            continue
        pods = [end for end in scene.pods if _by_block(placed, end)]
        others = [end for end in pods if not _by_selector(scene, placed, end)]
        if others:
            names = listed(sorted({end.group for end in others}))
            what = f"its ipBlock covers pods ({names}); Cilium matches pods by labels only"
            do = "name these pods by labels, if they are meant"
            wide = any(peer.block and peer.block.network.prefixlen == 0 for peer in placed.written.peers or ())
            severity = Severity.NOTE if wide else Severity.ERROR
            yield Finding(severity, "cni-ignores", placed.where, what, do)


def _by_block(placed: Placed, end: Endpoint) -> bool:
    peers = placed.written.peers or ()
    return any(peer.block and in_block(peer.block, parsed(end.address)) for peer in peers)


def _by_selector(scene: Scene, placed: Placed, end: Endpoint) -> bool:
    peers = [peer for peer in placed.rule.peers or () if peer.block is None]
    return any(peer_matches(peer, placed.home, scene.cluster.namespaces, end) for peer in peers)


def _sctp(scene: Scene) -> Iterator[Finding]:
    """SCTP, which Cilium leaves alone unless told (docs.cilium.io configuration/sctp)."""
    for placed in scene.rules:
        numbered = (element for element in placed.rule.ports or () if not isinstance(element.port, str))
        if any(element.protocol == "SCTP" for element in numbered):
            what = "names SCTP, which Cilium leaves alone unless it is installed with sctp.enabled"
            do = "see `helm get values cilium -n kube-system`, and set sctp.enabled=true"
            yield Finding(Severity.WARNING, "cni-ignores", placed.where, what, do)


def _names_of_many_numbers(scene: Scene) -> Iterator[Finding]:
    """Names of ports in egress rules that are other numbers on other pods (cilium/cilium#30003)."""
    numbers: dict[str, set[int]] = defaultdict(set)
    for end in scene.pods:
        for port in end.ports:
            numbers[port.name].add(port.number)
    for placed in scene.rules:
        names = {element.port for element in placed.rule.ports or () if isinstance(element.port, str)}
        for name in sorted(names) if placed.direction is Direction.EGRESS else ():
            if len(numbers[name]) > 1:
                known = listed([str(number) for number in sorted(numbers[name])])
                what = f"asks for the port `{name}`, which is {known} on different pods; Cilium may skip the rule"
                do = "write numbers in egress rules, or see cilium#30003 for the version that mends it"
                yield Finding(Severity.WARNING, "cni-ignores", placed.where, what, do)


def _names_for_blocks(scene: Scene) -> Iterator[Finding]:
    """Names of ports for ipBlocks in ingress rules (aws/amazon-network-policy-controller-k8s#81)."""
    for placed in scene.rules:
        blocks = any(peer.block for peer in placed.rule.peers or ())
        named = sorted({element.port for element in placed.rule.ports or () if isinstance(element.port, str)})
        if placed.direction is Direction.INGRESS and blocks and named:
            what = f"asks for the port `{named[0]}` from ipBlocks; the VPC CNI leaves such a rule out"
            yield Finding(Severity.ERROR, "cni-ignores", placed.where, what, "write the port's number")


def _outside_by_name(scene: Scene) -> Iterator[Finding]:
    """Domain names, which only EKS Auto Mode follows (aws/containers-roadmap#2801)."""
    for placed in scene.rules:
        if any(peer.domains for peer in placed.written.peers or ()) and isinstance(placed.policy, TieredPolicy):
            what = "has `domainNames`, which the VPC CNI follows in EKS Auto Mode only"
            yield Finding(Severity.WARNING, "cni-ignores", placed.where, what, "write networks in other clusters")


def _peers_of_calico(scene: Scene) -> Iterator[Finding]:
    """Peers of ClusterNetworkPolicies that Calico leaves out (kubernetes-sigs/network-policy-api#376)."""
    for placed in scene.rules:
        if not isinstance(placed.policy, TieredPolicy):
            continue
        peers = placed.written.peers or ()
        kinds = [("nodes", any(p.nodes is not None for p in peers)), ("domainNames", any(p.domains for p in peers))]
        for kind, there in kinds:
            if there:
                what = f"has `{kind}`, which Calico does not support; it knows networks, pods and namespaces"
                yield Finding(Severity.ERROR, "cni-ignores", placed.where, what, "write networks instead")


def _priorities(scene: Scene) -> Iterator[Finding]:
    """Priorities that OVN-Kubernetes does not take, or takes once only."""
    taken: dict[int, TieredPolicy] = {}
    for policy in scene.policies.tiered:
        if policy.kind != "AdminNetworkPolicy":
            continue
        if policy.priority > LAST_PRIORITY:
            what = f"has priority {policy.priority}; OVN-Kubernetes takes 0 to {LAST_PRIORITY} and leaves it out"
            yield Finding(Severity.ERROR, "cni-ignores", place(policy), what, f"write one up to {LAST_PRIORITY}")
        first = taken.setdefault(policy.priority, policy)
        if first is not policy:
            what = f"has the priority of {place(first)}; OVN-Kubernetes calls what comes of that undefined"
            yield Finding(Severity.WARNING, "cni-ignores", place(policy), what, "give it another priority")


def _port_limit(scene: Scene) -> Iterator[Finding]:
    """Peers of a pod for which all its policies together name more ports than fit."""
    said = set()
    for end in scene.pods:
        for direction in Direction:
            isolating = scene.isolating(direction, end)
            key = (direction, tuple(policy.title for policy in isolating))
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
    for placed in (placed for policy in isolating for placed in scene.of[id(policy), direction]):
        for end in scene.peers(placed):
            ports[end.address].update(placed.rule.ports or (None,))
            matched[end.address].add(end.group)
        for peer in placed.rule.peers or ():
            if peer.block is not None:
                ports[str(peer.block.network)].update(placed.rule.ports or (None,))
                matched[str(peer.block.network)].add(str(peer.block.network))
    crowded: dict[int, set[str]] = defaultdict(set)
    for key, elements in ports.items():
        if len(elements) > PORT_LIMIT:
            crowded[len(elements)] |= matched[key]
    for count, names in sorted(crowded.items()):
        yield listed(sorted(names)), count


_TRAPS: Final[Mapping[str, tuple[Callable[[Scene], Iterator[Finding]], ...]]] = {
    "calico": (_peers_of_calico,),
    "cilium": (_blocks_of_pods, _sctp, _names_of_many_numbers),
    "ovn-kubernetes": (_priorities,),
    "vpc-cni": (_port_limit, _names_for_blocks, _outside_by_name),
}
