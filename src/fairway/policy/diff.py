"""diff: which connections two policy sets judge differently, from their compiled rows.

Both sets are compiled over one cluster into one space of identities, so that classes of addresses are compared
whole: nothing is sampled, and policies that say the same in other words are equal.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fairway.policy.compile import compile_rules
from fairway.policy.decide import decide, decide_service
from fairway.policy.differences import Difference, differences, example
from fairway.policy.directory import Directory
from fairway.policy.ends import End, find_ends
from fairway.policy.explain import BY_WORKLOAD, explain, explain_side, port_title
from fairway.policy.model import Cluster, PolicySet
from fairway.policy.reach import port_titles, sample
from fairway.policy.settle import settle
from fairway.wire.endpoint import Kind
from fairway.wire.words import Direction


@dataclass(frozen=True, slots=True)
class Change:
    """Connections that the new policies judge otherwise, from each of `clients` to each of `servers`.

    Where only some pods of a workload are meant its title says how many. `ports` are the server's own;
    `families` are 4 and 6; `through` names the Services by which the same connections are made. `before` and
    `after` explain one of them under the old and the new policies.
    """

    clients: tuple[str, ...]
    servers: tuple[str, ...]
    ports: tuple[str, ...]
    families: tuple[int, ...]
    through: tuple[str, ...]
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Diff:
    """Connections allowed anew, and connections no longer allowed."""

    allowed: tuple[Change, ...]
    denied: tuple[Change, ...]

    @property
    def same(self) -> bool:
        return not (self.allowed or self.denied)


def diff(cluster: Cluster, old: PolicySet, new: PolicySet) -> Diff:
    """Compare two policy sets over one cluster. The same: no connection is judged differently."""
    old, new = settle(old, cluster.nodes), settle(new, cluster.nodes)
    compiled = compile_rules(cluster, old, new)
    ends = find_ends(cluster, compiled)
    telling = _Telling(cluster, (old, new), ends)
    found = differences(cluster, compiled, ends)
    allowed, denied = (telling.changes([d for d in found if d.gained is gained]) for gained in (True, False))
    return Diff(allowed, denied)


_Sort = tuple[tuple[str, ...], tuple[str, ...]]
"""Ports and Services: differences that agree in them can be told in one line."""


class _Telling:
    """Turns differences between ends into changes between workloads."""

    def __init__(self, cluster: Cluster, sets: tuple[PolicySet, PolicySet], ends: Sequence[End]) -> None:
        self._directory = Directory(cluster)
        self._sets = sets
        self._size: dict[str, int] = defaultdict(int)
        self._outside = frozenset(end for end in ends if end.kind is Kind.EXTERNAL)
        for group, names in _names(ends).items():
            self._size[group] = len(names)

    def changes(self, found: Iterable[Difference]) -> tuple[Change, ...]:
        """One change per client, ports and Services, with all its servers; then like clients as one."""
        pairs: dict[tuple[_Sort, str, str], list[Difference]] = defaultdict(list)
        for d in found:
            ports = port_titles(d.ports)
            pairs[
                (ports if not d.note else (f"{ports[0]} ({d.note})",), d.through), d.client.group, d.server.group
            ].append(d)
        rows: dict[tuple[_Sort, str, tuple[int, ...]], dict[str, list[Difference]]] = defaultdict(dict)
        for (sort, _, _), group in pairs.items():
            client, server = self._title([d.client for d in group]), self._title([d.server for d in group])
            rows[sort, client, _families(group)].setdefault(server, []).extend(group)
        alike: dict[tuple[_Sort, tuple[int, ...], tuple[str, ...]], dict[str, Difference]] = defaultdict(dict)
        for (sort, client, families), servers in rows.items():
            first = servers[min(servers)][0]
            alike[sort, families, tuple(sorted(servers))][client] = first
        made = [
            self._change(sort, families, servers, clients) for (sort, families, servers), clients in alike.items()
        ]
        return tuple(sorted(made, key=lambda c: (c.clients, c.servers, c.ports, c.through, c.families)))

    def _change(
        self, sort: _Sort, families: tuple[int, ...], servers: tuple[str, ...], clients: dict[str, Difference]
    ) -> Change:
        names = tuple(sorted(clients))
        before, after = (self._why(policies, clients[names[0]]) for policies in self._sets)
        return Change(names, servers, sort[0], families, sort[1], before, after)

    def _title(self, ends: Sequence[End]) -> str:
        """The group, and how many of its pods, if not all, are meant."""
        first = ends[0]
        if first.kind is not Kind.POD:
            return first.group
        count, size = len({member.name for end in ends for member in end.members}), self._size[first.group]
        return first.group if count == size else f"{first.group} ({count} of {size} pods)"

    def _why(self, policies: PolicySet, difference: Difference) -> str:
        """One connection of the difference, explained."""
        port, protocol = sample(difference.ports, difference.client.family)
        if difference.server.kind is Kind.SERVICE:
            client, service = difference.client.members[0], difference.server.members[0]
            judged = decide_service(policies, self._directory, client, service.address, port, protocol)
            what = port_title(port, protocol)
            return explain_side(Direction.EGRESS, judged.egress, client, service, what, BY_WORKLOAD)
        pair = example(difference.client, difference.server)
        if pair is None:
            raise ValueError("no policy has a say between the two ends")
        decision = decide(policies, self._directory.cluster.namespaces, *pair, port, protocol)
        return explain(decision, *pair, port, protocol, BY_WORKLOAD)


def _names(ends: Iterable[End]) -> dict[str, set[str]]:
    """The pods of each workload."""
    names: dict[str, set[str]] = defaultdict(set)
    for end in ends:
        if end.kind is Kind.POD:
            names[end.group].update(member.name for member in end.members)
    return names


def _families(group: Iterable[Difference]) -> tuple[int, ...]:
    return tuple(sorted({d.client.family for d in group}))
