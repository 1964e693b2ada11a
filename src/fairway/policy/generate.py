"""generate: standard NetworkPolicies from observed edges, one per workload, the smallest readable set.

What was seen and answered is allowed, and nothing else between workloads, with two exceptions: any pod may ask the
cluster's DNS, which every cluster needs, and what `mesh` says of service meshes.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from fairway.policy.directory import Directory, pod_endpoint
from fairway.policy.labels import Choice, LabelChooser, Workload, workload_of
from fairway.policy.manifest import manifest_of
from fairway.policy.mesh import hides_ports, mesh_remotes, strangers
from fairway.policy.model import Cluster, NetworkPolicy, Peer, Pod, Ports, Rule, Selector
from fairway.policy.peers import PeerWriter, Rank, Remote, folded, is_cluster_dns, is_dns, label_selector
from fairway.policy.rulings import Rulings
from fairway.policy.sift import LeftOut, Seen, denied_only, needs_rule, sift, unanswered
from fairway.wire.address import Network
from fairway.wire.edge import Edge
from fairway.wire.endpoint import Endpoint, Kind, NamedPort
from fairway.wire.words import Direction


@dataclass(frozen=True, slots=True)
class Options:
    """What a person can choose. `published` are a cloud's networks by service name; from `merge_at` addresses on
    (0: never) their network of `merge_length` (IPv6: 64) is written instead of them; `avoid_labels` are never
    used in selectors; `rulings` are what people decided. Policies have rules for `directions`, are one per
    workload or one `per_namespace`, and `default_deny` closes the namespaces that got any to what none allows.
    `numeric_ports`: never by name. `close_silent`: workloads without traffic get a policy without rules."""

    published: Mapping[str, Sequence[Network]] = field(default_factory=dict)
    merge_at: int = 4
    merge_length: int = 24
    avoid_labels: frozenset[str] = frozenset()
    rulings: Rulings = field(default_factory=Rulings)
    directions: frozenset[Direction] = frozenset(Direction)
    per_namespace: bool = False
    default_deny: bool = False
    numeric_ports: bool = False
    close_silent: bool = False


@dataclass(frozen=True, slots=True)
class GeneratedPolicy:
    """A policy with the evidence for each rule: `evidence["ingress[0]"]` are lines, one per peer."""

    policy: NetworkPolicy
    workload: str
    evidence: Mapping[str, tuple[str, ...]]

    @property
    def manifest(self) -> dict[str, object]:
        return manifest_of(self.policy)


@dataclass(frozen=True, slots=True)
class Generated:
    """The policies in the order of their titles, the traffic that makes no rule, and what a person should know."""

    policies: tuple[GeneratedPolicy, ...]
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]


def generate(edges: Sequence[Edge], cluster: Cluster, options: Options | None = None) -> Generated:
    """Policies that allow what the edges show. The order of the edges does not matter."""
    return _Generation(edges, cluster, options or Options()).run()


class _Generation:
    """The steps from edges to policies, over the values they share."""

    def __init__(self, edges: Sequence[Edge], cluster: Cluster, options: Options) -> None:
        self.options = options
        self.cluster = cluster
        self.edges = edges
        self.seen, self.left_out = sift(edges, Directory(cluster), options.rulings)
        pods = self._known_pods()
        self.chooser = LabelChooser(((workload_of(pod), pod.labels) for pod in pods), options.avoid_labels)
        self.writer = PeerWriter(cluster, self.chooser, options.published, whole_namespaces=options.per_namespace)
        self.port_names = _port_names(pods)
        self.pods: dict[Workload, list[Pod]] = defaultdict(list)
        for pod in cluster.pods:
            if not pod.finished:
                self.pods[self._owner(pod_endpoint(pod, ""))].append(pod)
        self.notes: set[str] = set()
        self.unwritable: Counter[tuple[str, str, int, str, str]] = Counter()

    def _known_pods(self) -> list[Endpoint]:
        """Every pod of the cluster and of the edges, each with the labels and ports it had."""
        now = [pod_endpoint(pod, "") for pod in self.cluster.pods if not pod.host_network]
        then = [end for seen in self.seen for end in (seen.client, seen.server) if end.kind is Kind.POD]
        return [*now, *then]

    def _owner(self, pod: Endpoint) -> Workload:
        """Whose policy is the pod's."""
        return (pod.namespace, f"Namespace/{pod.namespace}") if self.options.per_namespace else workload_of(pod)

    def run(self) -> Generated:
        sides: dict[Workload, dict[Direction, list[Seen]]] = defaultdict(lambda: defaultdict(list))
        for seen in self.seen:
            if seen.client.kind is Kind.POD:
                sides[self._owner(seen.client)][Direction.EGRESS].append(seen)
            if seen.server.kind is Kind.POD:
                sides[self._owner(seen.server)][Direction.INGRESS].append(seen)
        names = Counter((namespace, workload.partition("/")[2]) for namespace, workload in sides)
        silent = self._silent() if self.options.close_silent else set()
        names.update((namespace, workload.partition("/")[2]) for namespace, workload in silent)
        found = [self._policy(workload, sides.get(workload, {}), names) for workload in sorted({*sides, *silent})]
        policies = sorted((p for p in found if p), key=lambda p: p.policy.title)
        if self.options.default_deny:
            policies += [
                self._default_deny(name, policies) for name in sorted({p.policy.namespace for p in policies})
            ]
        self._note_hidden()
        self._note_quiet({(p.policy.namespace, p.workload) for p in policies})
        self.notes.update(strangers(self.cluster))
        self.notes.update(self.options.rulings.remarks(self.edges))
        taken = {policy.title for policy in self.cluster.policies}
        self.notes.update(
            f"{p.policy.title}: the cluster has a policy of that name, which it would replace"
            for p in policies
            if p.policy.title in taken
        )
        unwritable = (LeftOut(*key, connections) for key, connections in self.unwritable.items())
        left_out = tuple(sorted((*self.left_out, *unwritable)))
        return Generated(tuple(policies), left_out, tuple(sorted(self.notes)))

    def _policy(
        self, workload: Workload, sides: Mapping[Direction, list[Seen]], names: Mapping[tuple[str, str], int]
    ) -> GeneratedPolicy | None:
        namespace, owner = workload
        kind, _, name = owner.partition("/")
        choice = Choice(()) if self.options.per_namespace else self.chooser.choice(workload)
        if choice is None:
            self.notes.add(f"{namespace}/{name}: its pods have no label that lasts; give them one such as `app`")
            return None
        if choice.also:
            self.notes.add(
                f"{namespace}/{name}: its labels select {', '.join(choice.also)}, too; give one of them a label"
            )
        ingress = self._rules(workload, Direction.INGRESS, sides.get(Direction.INGRESS, ()))
        if outside := [r.title for group in ingress for r in group if r.rank is Rank.EXTERNAL]:
            self.notes.add(
                f"{namespace}/{name}: called from outside by {_some(outside)}; a load balancer's addresses change: "
                "if these are one's, allow its subnets instead"
            )
        egress = self._rules(workload, Direction.EGRESS, sides.get(Direction.EGRESS, ()))
        if sides and not ingress and not egress:
            return None
        policy = NetworkPolicy(
            namespace=namespace,
            name=name if names[namespace, name] == 1 else f"{name}-{kind.lower()}",
            subject=label_selector(choice.labels),
            ingress=self._written(Direction.INGRESS, ingress),
            egress=self._written(Direction.EGRESS, egress),
        )
        unit = "pods" if self.options.per_namespace else "replicas"
        evidence = {
            f"{direction.name.lower()}[{index}]": _evidence(remotes, len(self.pods[workload]), unit)
            for direction, rules in ((Direction.INGRESS, ingress), (Direction.EGRESS, egress))
            if direction in self.options.directions
            for index, remotes in enumerate(rules)
        }
        return GeneratedPolicy(policy, owner, evidence)

    def _written(self, direction: Direction, rules: Sequence[Sequence[Remote]]) -> tuple[Rule, ...] | None:
        return tuple(_rule(remotes) for remotes in rules) if direction in self.options.directions else None

    def _default_deny(self, namespace: str, policies: Iterable[GeneratedPolicy]) -> GeneratedPolicy:
        """The policy that closes a namespace to what no other policy allows."""
        taken = {p.policy.name for p in policies if p.policy.namespace == namespace}
        policy = NetworkPolicy(
            namespace=namespace,
            name="default-deny" if "default-deny" not in taken else "default-deny-rest",
            subject=Selector(),
            ingress=self._written(Direction.INGRESS, ()),
            egress=self._written(Direction.EGRESS, ()),
        )
        return GeneratedPolicy(policy, "", {})

    def _rules(self, workload: Workload, direction: Direction, seen: Iterable[Seen]) -> list[list[Remote]]:
        """The peers of one direction, those with the same ports together: each list is one rule."""
        remotes = self._of_mesh(workload, direction)
        home = workload[0]
        for one in seen:
            subject, end = (one.server, one.client) if direction is Direction.INGRESS else (one.client, one.server)
            asks_dns = is_dns(one.server, one.port, one.protocol)
            if direction is Direction.INGRESS and asks_dns and is_cluster_dns(subject) and end.kind is Kind.POD:
                remote: Remote | None = Remote(Rank.DNS, "every pod may ask", (Peer(namespaces=Selector()),))
            else:
                remote = self.writer.remote(end, home)
            if remote is None:
                reason = f"the pods of {end.group} have no label that lasts"
                key = (one.client.group, one.server.group, one.port, one.protocol, reason)
                self.unwritable[key] += one.edge.connections
                continue
            remote = remotes.setdefault((remote.title, remote.peers), remote)
            # A name behind networks is a port that some network plugins leave out.
            named = remote.rank is Rank.PODS and not (self.options.per_namespace or self.options.numeric_ports)
            remote.ports |= self._ports(one, asks_dns=asks_dns, named=named)
            remote.asks_dns |= asks_dns
            remote.evidence.add(one, subject)
        rules: dict[tuple[Rank, tuple[Ports, ...]], list[Remote]] = defaultdict(list)
        for remote in self.writer.grouped(remotes.values(), self.options.merge_at, self.options.merge_length):
            rules[remote.rank, folded(remote.ports)].append(remote)
        ordered = [sorted(group, key=lambda r: r.title) for group in rules.values()]
        return sorted(ordered, key=lambda group: (group[0].rank, group[0].title, str(folded(group[0].ports))))

    def _of_mesh(self, workload: Workload, direction: Direction) -> dict[tuple[str, tuple[Peer, ...]], Remote]:
        """What a mesh needs although nothing of it was seen. A workload that is silent is none's business."""
        remotes: dict[tuple[str, tuple[Peer, ...]], Remote] = {}
        for found in mesh_remotes(
            self.pods[workload],
            self.cluster,
            direction,
            lambda pod: self.writer.remote(pod_endpoint(pod, ""), workload[0]),
        ):
            remote = remotes.setdefault((found.title, found.peers), found)
            remote.ports |= found.ports
            remote.evidence.needs |= found.evidence.needs
        return remotes

    def _ports(self, seen: Seen, *, asks_dns: bool, named: bool) -> set[Ports]:
        """The port as a rule writes it: by name if it may be and all the server's pods have it; DNS over both."""
        if asks_dns:
            return {Ports(protocol, seen.port) for protocol in ("UDP", "TCP")}
        key = (workload_of(seen.server), seen.port, seen.protocol)
        name = self.port_names.get(key, "") if named and seen.server.kind is Kind.POD else ""
        return {Ports(seen.protocol, name or seen.port)}

    def _silent(self) -> set[Workload]:
        """The workloads that run and had no traffic, not even such as makes no rule. What was denied, never
        answered or is not wanted is none."""
        running = (pod for pod in self.cluster.pods if not pod.host_network and not pod.finished)
        wanted, _ = self.options.rulings.obeyed(self.edges)
        active = {
            self._owner(end)
            for edge in wanted
            if needs_rule(edge.client, edge.server) and not denied_only(edge) and not unanswered(edge)
            for end in (edge.client, edge.server)
            if end.kind is Kind.POD
        }
        return {self._owner(pod_endpoint(pod, "")) for pod in running} - active

    def _note_hidden(self) -> None:
        """What a mesh encrypts hides which port of the application was called."""
        hidden: dict[str, set[str]] = defaultdict(set)
        for seen in self.seen:
            if who := hides_ports(seen.port, seen.protocol):
                hidden[f"{who}, {seen.port}/TCP"].add(seen.server.group)
        self.notes.update(
            f"{_some(sorted(servers))}: called through {who}: which of its ports is inside cannot be seen, and no "
            "NetworkPolicy can tell; the mesh's own authorization can"
            for who, servers in hidden.items()
        )

    def _note_quiet(self, written: set[Workload]) -> None:
        """A policy without rules would cut a workload off: those that nothing was seen of are left alone."""
        closed = {namespace for namespace, owner in written if not owner}
        for pod in self.cluster.pods:
            workload = self._owner(pod_endpoint(pod, ""))
            if not pod.host_network and not pod.finished and workload not in written:
                title = f"{pod.namespace}/{workload[1].partition('/')[2]}"
                cut = ", and the default-deny of its namespace cuts it off" if pod.namespace in closed else ""
                self.notes.add(f"{title}: no traffic that makes a rule; it gets no policy{cut}")


def _evidence(remotes: Sequence[Remote], replicas: int, unit: str) -> tuple[str, ...]:
    lines = [f"{remote.title}: {remote.evidence.line(replicas, unit)}" for remote in remotes]
    if any(remote.asks_dns for remote in remotes):
        lines.append("DNS over UDP and TCP, whichever was seen: long answers come over TCP")
    return tuple(lines)


def _rule(remotes: Sequence[Remote]) -> Rule:
    peers = dict.fromkeys(peer for remote in remotes for peer in remote.peers)
    return Rule(tuple(peers) or None, folded(remotes[0].ports) or None)


def _some(titles: Sequence[str]) -> str:
    return ", ".join(titles[:3]) + (f" and {len(titles) - 3} more" if len(titles) > 3 else "")


def _port_names(pods: Iterable[Endpoint]) -> dict[tuple[Workload, int, str], str]:
    """The one name that every pod of a workload has for a port, by workload, number and protocol."""
    specs: dict[Workload, set[tuple[NamedPort, ...]]] = defaultdict(set)
    for pod in pods:
        specs[workload_of(pod)].add(pod.ports)
    found = {}
    for workload, ports in specs.items():
        for number, protocol in {(port.number, port.protocol) for spec in ports for port in spec}:
            names = {_name(spec, number, protocol) for spec in ports}
            if len(names) == 1:
                found[workload, number, protocol] = names.pop()
    return found


def _name(spec: Sequence[NamedPort], number: int, protocol: str) -> str:
    """The port's name in one pod; empty if it has none or several, or if the name would open another port, too."""
    names = [port.name for port in spec if (port.number, port.protocol) == (number, protocol)]
    alike = [port for port in spec if names and (port.name, port.protocol) == (names[0], protocol)]
    return names[0] if len(names) == len(alike) == 1 else ""
