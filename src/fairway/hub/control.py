"""Control: the cluster and people's intent as one NodeFeed file per node, which agents obey."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from fairway.hub.intent import Intent, PolicyChoice
from fairway.hub.state import State
from fairway.hub.surroundings import Orders
from fairway.kit.documents import read_documents
from fairway.kit.errors import UsageError
from fairway.kit.files import write_atomically
from fairway.policy.behind import behind_rows
from fairway.policy.compile import Compiled
from fairway.policy.model import Cluster, Pod, PolicySet
from fairway.policy.read import read_policy_set
from fairway.policy.recompile import Compiler
from fairway.policy.settle import plain_names
from fairway.policy.stand_ins import stand_ins, unfollowable
from fairway.policy.tables import Beside
from fairway.wire.rules import NodeFeed, NodePod, PodRules
from fairway.wire.words import Mode, Posture

_NODE_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
"""Kubernetes' own rule for node names; anything else must not become a path."""
_DNS_SERVICES: Final = {("kube-system", "kube-dns"), ("kube-system", "coredns"), ("kube-system", "node-local-dns")}


def policy_set(choice: PolicyChoice | None) -> PolicySet | None:
    """The policies that a choice names; UsageError for a folder that is missing, malformed or without any."""
    if choice is None:
        return None
    if choice.policies is None:
        return PolicySet((), choice.posture)
    found = read_policy_set(read_documents([Path(choice.policies)]), posture=choice.posture)
    if not found.size:
        raise UsageError(f"`{choice.policies}` holds no NetworkPolicy; `fairway policy generate` writes some")
    if beside := unfollowable(found):
        raise UsageError(
            f"`{choice.policies}` names domains, which agents cannot obey beside the networks that {beside} "
            "denies or passes; leave those to NetworkPolicies"
        )
    return found


def policy_sets(intent: Intent, orders: Orders | None) -> tuple[PolicySet | None, PolicySet | None]:
    """The sets in force and on trial: what people asked of the hub goes before what the cluster itself says.
    UsageError when the intent's are bad."""
    active, staged = policy_set(intent.active), policy_set(intent.staged)
    return active or (orders.active if orders else None), staged or (orders.staged if orders else None)


def node_feeds(
    cluster: Cluster,
    intent: Intent,
    revision: int,
    compiler: Compiler | None = None,
    orders: Orders | None = None,
) -> dict[str, NodeFeed]:
    """What each node's agent is to be told, by node name. UsageError when the intent's policies are bad.

    A `compiler` that compiled an earlier state of the cluster saves what did not change.
    """
    sets = policy_sets(intent, orders)
    names = stand_ins(sets)
    places = plain_names({name: [address] for name, address in names.items()})
    compiled = (compiler or Compiler()).compile(cluster, *sets, places)
    beside = Beside(
        names=tuple((name, compiled.identities.of(address)) for name, address in names.items()),
        resolvers=_resolvers(cluster),
        behind=behind_rows(compiled, cluster, compiled.grants),
    )
    by_node: dict[str, list[Pod]] = {node.name: [] for node in cluster.nodes}
    for pod in cluster.pods:
        if pod.node in by_node and pod.addresses and not pod.finished and not pod.host_network:
            by_node[pod.node].append(pod)
    modes = _modes(intent, orders)
    return {node: _feed(pods, compiled, beside, node, modes, revision) for node, pods in by_node.items()}


Modes = Callable[[str, str], Mode]
"""What the kernel does with the active verdicts of a pod, by namespace and node."""


def _modes(intent: Intent, orders: Orders | None) -> Modes:
    chosen = intent.active
    if chosen is not None:
        return lambda _, node: chosen.mode_on(node)
    return orders.mode if orders is not None else lambda *_: Mode.OFF


def _resolvers(cluster: Cluster) -> tuple[str, ...]:
    """Whose DNS answers are believed: the cluster's DNS Service and the pods behind it."""
    services = [s for s in cluster.services if (s.namespace, s.name) in _DNS_SERVICES]
    found = [address for service in services for address in service.addresses]
    found += [address for s in services for port in s.ports for address, _ in port.backends]
    return tuple(dict.fromkeys(found))


def _feed(
    pods: Sequence[Pod], compiled: Compiled, beside: Beside, node: str, modes: Modes, revision: int
) -> NodeFeed:
    by_uid = {pod.uid: modes(pod.namespace, node) for pod in pods}
    most = max(by_uid.values(), default=modes("", node))
    table = compiled.table(node, revision, most, beside)
    rules = tuple(_in_mode(one, by_uid.get(one.uid, most)) for one in table.pods)
    table = msgspec.structs.replace(table, pods=rules)
    if most is not Mode.ENFORCE:
        # A node that does not enforce yet must not drop a new pod's packets before its rules are there.
        table = msgspec.structs.replace(table, posture=Posture.ALLOW)
    told = (NodePod(pod.uid, pod.namespace, pod.name, pod.addresses) for pod in pods)
    return NodeFeed(node, tuple(told), table)


def _in_mode(rules: PodRules, mode: Mode) -> PodRules:
    return rules if rules.mode == (mode, mode) else msgspec.structs.replace(rules, mode=(mode, mode))


class Feed(NamedTuple):
    """A node's feed as it is sent, and the tag that tells it from others."""

    content: bytes
    tag: str


class Control:
    """The control folder. Revisions only grow, also across restarts."""

    def __init__(self, state: State, log: Callable[[str], None]) -> None:
        self._folder = state.control
        self._log = log
        self._feeds: dict[str, NodeFeed] = {}
        self._sent: dict[str, Feed] = {}
        self._compiler = Compiler()
        self.revision = 0

    def open(self) -> None:
        """Take stock of the folder."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for path in self._folder.glob("*.json"):
            try:
                content = path.read_bytes()
                feed = self._feeds[path.stem] = msgspec.json.decode(content, type=NodeFeed)
                self._sent[path.stem] = Feed(content, f'"{feed.table.revision}"')
            except (OSError, msgspec.MsgspecError) as error:
                self._log(f"control: {path.name} is written anew: {error}")
        self.revision = max((feed.table.revision for feed in self._feeds.values()), default=0)

    def update(self, cluster: Cluster, intent: Intent, applied: int = 0, orders: Orders | None = None) -> list[str]:
        """Write the feeds that changed, with one new revision; the nodes' names. UsageError as of `node_feeds`.

        `applied` is the highest revision that an agent says it obeys. One that is not of this folder, which lost
        its files since, would make the agent deaf to lower ones: everything is told anew above it.
        """
        if applied > self.revision:
            self.revision = applied
            self._feeds.clear()
        feeds = node_feeds(cluster, intent, self.revision + 1, self._compiler, orders)
        for node in self._feeds.keys() - feeds.keys():
            (self._folder / f"{node}.json").unlink(missing_ok=True)
            del self._feeds[node]
            self._sent.pop(node, None)
        changed = [node for node, feed in feeds.items() if _NODE_NAME.fullmatch(node) and self._differs(feed)]
        # Before the first file: after a failure half-way the number must not come again with other content.
        self.revision += bool(changed)
        for node in changed:
            content = msgspec.json.encode(feeds[node])
            write_atomically(self._folder / f"{node}.json", content)
            self._feeds[node] = feeds[node]
            self._sent[node] = Feed(content, f'"{feeds[node].table.revision}"')
        return changed

    def feed(self, node: str) -> Feed | None:
        """What a node's agent is told by now; None for a node that the cluster does not have."""
        return self._sent.get(node)

    def revision_of(self, node: str) -> int:
        """Of what a node's agent is told by now; one that it never had if it is told nothing."""
        feed = self._feeds.get(node)
        return feed.table.revision if feed else self.revision + 1

    def _differs(self, feed: NodeFeed) -> bool:
        """In anything but the revision, which grows with any node's change."""
        old = self._feeds.get(feed.node)
        if old is None:
            return True
        table = msgspec.structs.replace(feed.table, revision=old.table.revision)
        return msgspec.structs.replace(feed, table=table) != old


def read_feed(state: State, node: str) -> NodeFeed | None:
    """What a node's agent is told; None before the first time. UsageError if the file is malformed."""
    path = state.control / f"{node}.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=NodeFeed)
    except OSError:
        return None
    except msgspec.MsgspecError as error:
        raise UsageError(f"{path}: {error}; restart the hub to write it anew") from error
