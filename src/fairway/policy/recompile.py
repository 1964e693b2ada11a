"""Compiler: compiles again after a change, and then only what the change touches.

Easy changes are those of pods (labels, ports, addresses, added, removed) and of the backends of Services. After
any other, or after many at once, everything is compiled anew. Both ways give the same tables.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from fairway.policy.compile import Compilation, Compiled, Sets, Subject, settled
from fairway.policy.fronts import Fronts, moved
from fairway.policy.grants import SHUT, Grant
from fairway.policy.groups import GroupKey
from fairway.policy.model import Cluster, Pod, PolicySet, Service, Tier
from fairway.policy.settle import Names
from fairway.wire.words import Direction

_MANY = 100
"""Changed pods or Services at once, beyond which everything is compiled anew."""


@dataclass(frozen=True, slots=True)
class _Change:
    """Pods as they were and are (None: not at all, or without own addresses), and Services as they are."""

    pods: tuple[tuple[Pod | None, Pod | None], ...]
    services: tuple[Service, ...]


class Compiler:
    """Remembers what it compiled last."""

    def __init__(self) -> None:
        self._cluster = Cluster()
        self._names: Names | None = None
        self._given: Sets = (None, None)
        self._compilation = Compilation(self._cluster, self._given)
        self._compiled = self._compilation.run()
        self._size = 0
        self._plain = True

    def compile(
        self, cluster: Cluster, active: PolicySet | None, staged: PolicySet | None, names: Names | None = None
    ) -> Compiled:
        """What `compile_rules` gives, numbered otherwise. An earlier result stays as it is."""
        change = self._change(cluster, (active, staged), names)
        if change is None:
            self._compilation = Compilation(cluster, settled(cluster, (active, staged), names))
            self._compiled = self._compilation.run()
            self._size = self._grown()
            held = sum(len(subject.pod.addresses) for subject in self._compiled.subjects.values())
            served = sum(len(service.addresses) for service in cluster.services)
            known = len(self._compiled.holders), len(self._compiled.identities.services)
            self._plain = (held, served) == known and len({pod.uid for pod in cluster.pods}) == len(cluster.pods)
        elif change.pods or change.services:
            self._compiled = _Patch(self._compilation, self._compiled, change).run()
        self._cluster, self._given, self._names = cluster, (active, staged), names
        return self._compiled

    def _grown(self) -> int:
        """What a change may add and none takes away."""
        return len(self._compilation.identities.traits) + len(self._compilation.groups)

    def _change(self, cluster: Cluster, given: Sets, names: Names | None) -> _Change | None:
        """What is to be patched; None if that is not easy."""
        before = self._cluster
        if (before.namespaces, before.nodes, self._names) != (cluster.namespaces, cluster.nodes, names):
            return None
        if self._given != given or self._grown() > 2 * self._size + _MANY:
            return None
        services = _changed_services(before.services, cluster.services)
        pods = _changed_pods(before.pods, cluster.pods)
        if services is None or pods is None or len(services) + len(pods) > _MANY:
            return None
        change = _Change(tuple((_held(was), _held(now)) for was, now in pods), tuple(services))
        return change if self._is_plain(change) else None

    def _is_plain(self, change: _Change) -> bool:
        """Nobody's address is anybody else's, before or after."""
        gone = {address for was, _ in change.pods if was for address in was.addresses}
        new = [address for _, now in change.pods if now for address in now.addresses]
        exact = self._compiled.identities.exact
        return self._plain and len(new) == len({*new}) and all(a in gone or a not in exact for a in new)


def _held(pod: Pod | None) -> Pod | None:
    return None if pod is None or pod.finished or pod.host_network else pod


def _changed_pods(before: tuple[Pod, ...], now: tuple[Pod, ...]) -> list[tuple[Pod | None, Pod | None]] | None:
    """The pods that differ, as they were and are; None if pods cannot be told apart."""
    if len(before) == len(now):
        unlike = [(old, new) for old, new in zip(before, now, strict=True) if old is not new]
        if all(old.uid == new.uid for old, new in unlike):
            return [(old, new) for old, new in unlike if old != new]
    was, is_ = {pod.uid: pod for pod in before}, {pod.uid: pod for pod in now}
    if len(is_) < len(now):
        return None
    changed: list[tuple[Pod | None, Pod | None]] = [(was[uid], None) for uid in was.keys() - is_.keys()]
    changed += [(was.get(pod.uid), pod) for pod in now if was.get(pod.uid) != pod]
    return changed


def _changed_services(before: tuple[Service, ...], now: tuple[Service, ...]) -> list[Service] | None:
    """The Services with other backends; None if there are others, or they have other addresses."""
    if before is now:
        return []
    if [(s.title, s.addresses) for s in before] != [(s.title, s.addresses) for s in now]:
        return None
    return [new for old, new in zip(before, now, strict=True) if old is not new and old != new]


class _Patch:
    """One change of pods and backends, applied to a compilation."""

    def __init__(self, compilation: Compilation, before: Compiled, change: _Change) -> None:
        self._compilation = compilation
        self._before = before
        self._change = change
        self._known = len(compilation.identities.traits)
        self._numbers = len(compilation.groups)
        self._places: dict[str, Pod | None] = {a: None for was, _ in change.pods if was for a in was.addresses}
        self._places |= {a: now for _, now in change.pods if now for a in now.addresses}

    def run(self) -> Compiled:
        """The compiled rows after the change; those before stay as they are."""
        old = self._before.identities
        identities = self._compilation.identities = old.moved(self._places)
        moves = {a for a in self._places if old.of(a) != identities.of(a)}
        subjects = dict(self._before.subjects)
        for was, _ in self._change.pods:
            if was:
                del subjects[was.uid]
        active, staged = self._compilation.groupings
        for _, now in self._change.pods:
            if now:
                subjects[now.uid] = Subject(now, (active.numbers(now), staged.numbers(now)))
        return replace(
            self._before,
            identities=identities,
            subjects=subjects,
            grants=self._grants(moves),
        )

    def _grants(self, moves: set[str]) -> Mapping[int, tuple[Direction, Grant]]:
        grants, compilation = dict(self._before.grants), self._compilation
        self._forget_matched()
        for key, number, new in self._asking(range(self._known, len(compilation.identities.traits))):
            if part := compilation.grant(key, new).own:
                grant = grants[number][1]
                grants[number] = key.direction, replace(grant, own={**grant.own, **part})
        for front, behind in self._fronts(moves).items():
            for key, number, _ in self._asking(behind, wide=True):
                if key.direction is Direction.EGRESS:
                    grants[number] = key.direction, _with_front(grants[number][1], front, compilation.fronts)
        for key, number in compilation.groups.items():
            if number not in grants:
                grants[number] = key.direction, compilation.whole(key)
        return grants

    def _fronts(self, moves: set[str]) -> dict[int, set[int]]:
        """Take in what stands behind Services now: those for which that is another, with all who stood there."""
        compilation, fronts = self._compilation, self._compilation.fronts
        own = self._before.identities.services
        places = {own[a]: (service, a) for service in self._change.services for a in service.addresses}
        for front in set[int]().union(*(fronts.at.get(address, ()) for address in moves)) - places.keys():
            places[front] = fronts.services[front]
        if not places:
            return {}
        now = compilation.fronts = moved(fronts, places, compilation.identities)
        changed = (front for front in places if fronts.ports.get(front) != now.ports.get(front))
        return {front: fronts.behind_one(front) | now.behind_one(front) for front in changed}

    def _forget_matched(self) -> None:
        """What cluster-wide rules matched is found anew where they match an identity that is new."""
        compilation = self._compilation
        new = compilation.identities.traits[self._known :]
        tiered = {number for traits in new for wide, number in compilation.vocabulary.asking(traits) if wide}
        for place in [place for place in compilation.matched if place[0] in tiered]:
            del compilation.matched[place]

    def _asking(self, identities: Iterable[int], *, wide: bool = False) -> Iterator[tuple[GroupKey, int, set[int]]]:
        """The groups whose rules may match some identities, and these; `wide`: those, too, that match everyone."""
        compilation, grants = self._compilation, self._before.grants
        policies: dict[int, set[int]] = defaultdict(set)
        tiered: dict[int, set[int]] = defaultdict(set)
        for identity in identities:
            for cluster_wide, number in compilation.vocabulary.asking(compilation.identities.traits[identity]):
                (tiered if cluster_wide else policies)[number].add(identity)
        baseline = {n for n in tiered if compilation.catalogue.tiered[n].tier is Tier.BASELINE}
        isolated = tiered.keys() - baseline  # behind NetworkPolicies there is nothing
        if not policies and not tiered and not wide:
            return
        members, behind, above = set(policies), set(tiered), isolated
        for key, number in compilation.groups.items():
            if number not in grants:
                continue
            asked = behind if not key.members else above
            if members.isdisjoint(key.members) and asked.isdisjoint(key.tiered):
                if wide and grants[number][1].default != SHUT:
                    yield key, number, set()
                continue
            found = [policies[i] for i in key.members if i in members]
            found += [tiered[i] for i in key.tiered if i in asked]
            yield key, number, set[int]().union(*found)


def _with_front(grant: Grant, front: int, fronts: Fronts) -> Grant:
    openings = fronts.of(grant, front)
    if openings == grant.of(front):
        return grant
    own = {**grant.own, front: openings}
    if openings == grant.default:
        del own[front]
    return replace(grant, own=own)
