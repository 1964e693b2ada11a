"""Differences: the pairs of ends between which two compiled policy sets let different ports through."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fairway.policy.compile import Compiled
from fairway.policy.directory import Directory
from fairway.policy.ends import End
from fairway.policy.model import Cluster
from fairway.policy.reach import NOTHING, Reach, both, minus, only, opens, reach
from fairway.wire.endpoint import Endpoint, Kind
from fairway.wire.words import Direction, Slot


@dataclass(slots=True)
class Difference:
    """Between one pair of ends: the ports gained or lost. `note` is empty, or what else a Service's row says."""

    client: End
    server: End
    ports: Reach
    gained: bool
    note: str = ""
    through: tuple[str, ...] = ()


def differences(cluster: Cluster, compiled: Compiled, ends: Sequence[End]) -> list[Difference]:
    """Every pair of ends that the two slots judge differently; a Service only where its backends do not say it."""
    sight = _Sight(compiled, ends)
    direct: dict[tuple[End, End], list[Difference]] = {}
    for client, server in sight.suspects():
        was, now = (sight.connection(slot, client, server) for slot in Slot)
        found = [
            Difference(client, server, minus(now, was), True),
            Difference(client, server, minus(was, now), False),
        ]
        found = [difference for difference in found if difference.ports != NOTHING]
        if found:
            direct[client, server] = found
    services = _Services(cluster, sight, ends, direct)
    return [*(d for found in direct.values() for d in found), *services.differences()]


class _Sight:
    """What each side lets through, remembered by policy number and identity."""

    def __init__(self, compiled: Compiled, ends: Sequence[End]) -> None:
        self._compiled = compiled
        self._reaches: dict[tuple[int, int], Reach] = {}
        self._changed: dict[tuple[int, int], frozenset[int]] = {}
        self._by_identity: dict[tuple[int, int], list[End]] = defaultdict(list)
        for end in ends:
            self._by_identity[end.family, end.identity].append(end)
        self.pods = [end for end in ends if end.kind is Kind.POD]
        self._identities = sorted({end.identity for end in ends})

    def reach(self, number: int, identity: int) -> Reach:
        key = (number, identity)
        if key not in self._reaches:
            self._reaches[key] = reach(self._compiled, number, identity)
        return self._reaches[key]

    def changed(self, end: End, direction: Direction) -> frozenset[int]:
        """The identities towards which the end's own side changed."""
        was, now = (end.numbers[slot][direction] for slot in Slot)
        if was == now:
            return frozenset()
        if (was, now) not in self._changed:
            self._changed[was, now] = frozenset(
                identity for identity in self._identities if self.reach(was, identity) != self.reach(now, identity)
            )
        return self._changed[was, now]

    def suspects(self) -> Iterator[tuple[End, End]]:
        """The pairs of which at least one side changed, Services aside."""
        seen: set[tuple[End, End]] = set()
        for pod in self.pods:
            for direction in Direction:
                for identity in self.changed(pod, direction):
                    for peer in self._by_identity[pod.family, identity]:
                        pair = (pod, peer) if direction is Direction.EGRESS else (peer, pod)
                        if peer.kind is not Kind.SERVICE and pair not in seen and example(*pair) is not None:
                            seen.add(pair)
                            yield pair

    def connection(self, slot: Slot, client: End, server: End) -> Reach:
        """The ports at which `client` may open a connection to `server`: its egress and the other's ingress."""
        egress = self.reach(client.numbers[slot][Direction.EGRESS], server.identity)
        return both(egress, self.ingress(slot, client, server))

    def ingress(self, slot: Slot, client: End, server: End) -> Reach:
        return self.reach(server.numbers[slot][Direction.INGRESS], client.identity)


def example(client: End, server: End) -> tuple[Endpoint, Endpoint] | None:
    """Two members that policies have a say between: not one address, not a node and a pod on it."""
    for opener in client.members:
        for taker in server.members:
            if opener.address != taker.address and not (opener.kind is Kind.NODE and opener.node == taker.node):
                return opener, taker
    return None


class _Services:
    """Service addresses: judged as all their backends, on the client's side; each backend judges for itself."""

    def __init__(
        self,
        cluster: Cluster,
        sight: _Sight,
        ends: Sequence[End],
        direct: dict[tuple[End, End], list[Difference]],
    ) -> None:
        self._cluster = cluster
        self._sight = sight
        self._direct = direct
        self._services = [end for end in ends if end.kind is Kind.SERVICE]
        self._holders = {member.address: end for end in ends for member in end.members}

    def differences(self) -> Iterator[Difference]:
        directory = Directory(self._cluster)
        for service in self._services:
            known = directory.service_at(service.members[0].address)
            for port in known.ports if known else ():
                backends = directory.backends(service.members[0].address, port.port, port.protocol)
                targets = [(self._holders.get(end.address), number) for end, number in backends]
                for client in self._sight.pods if targets else ():
                    if client.family == service.family:
                        yield from self._one(client, service, (port.port, port.protocol), targets)

    def _one(
        self, client: End, service: End, port: tuple[int, str], targets: list[tuple[End | None, int]]
    ) -> Iterator[Difference]:
        if service.identity not in self._sight.changed(client, Direction.EGRESS) and not any(
            server and client.identity in self._sight.changed(server, Direction.INGRESS) for server, _ in targets
        ):
            return
        was, now = (self._open(slot, client, service, port, targets) for slot in Slot)
        if was == now:
            return
        gained, every = now > was, {0, len(targets)}
        if {was, now} <= every and self._told(client, service, port, targets, gained=gained):
            return
        note = "" if {was, now} <= every else f"{now} of {len(targets)} backends, before {was}"
        yield Difference(client, service, only(*port), gained, note)

    def _open(
        self, slot: Slot, client: End, service: End, port: tuple[int, str], targets: list[tuple[End | None, int]]
    ) -> int:
        """How many backends the client reaches by the Service."""
        if not opens(self._sight.reach(client.numbers[slot][Direction.EGRESS], service.identity), *port):
            return 0
        return sum(
            server is None
            or example(client, server) is None
            or opens(self._sight.ingress(slot, client, server), number, port[1])
            for server, number in targets
        )

    def _told(
        self,
        client: End,
        service: End,
        port: tuple[int, str],
        targets: list[tuple[End | None, int]],
        *,
        gained: bool,
    ) -> bool:
        """Every backend has the same change of its own; these then name the Service."""
        own = [
            difference
            for server, number in targets
            for difference in (self._direct.get((client, server), []) if server else [])
            if difference.gained is gained and opens(difference.ports, number, port[1])
        ]
        if len(own) < len(targets):
            return False
        name = f"{service.group.removeprefix('Service ')}:{port[0]}"
        for difference in own:
            difference.through = tuple(sorted({*difference.through, name}))
        return True
