"""hasty: a case judged in haste, as nearly all can be: ordinary objects, no Service, nothing wrong anywhere.

Doubt about anything ends it; then `verdicts.judge` takes the case, slowly, and tells what is wrong if something is.
"""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

import msgspec

from fairway.policy import plain
from fairway.policy.bitwise import Bitwise
from fairway.policy.cases import PROTOCOLS, PlainCase
from fairway.policy.model import Cluster
from fairway.policy.read_plain import Doubt, canonical, plain_cluster, plain_policies
from fairway.policy.settle import plain_names, settle
from fairway.wire.words import Posture

K = TypeVar("K")
V = TypeVar("V")
_CASE = msgspec.json.Decoder(PlainCase)


def hasty_digits(line: bytes, posture: Posture) -> str:
    """`1` for each probe of the case in `line` that is allowed, else `0`; Doubt if that takes more care."""
    try:
        if not line.isascii():
            line.decode()  # text that is passed over is not looked at when it is decoded by shape
        case = _CASE.decode(line)
        names = plain_names(case.names)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        raise Doubt from None
    if case.services:
        raise Doubt
    cluster = plain_cluster(case.namespaces, [*case.nodes, *_implied_nodes(case)], case.pods)
    sheet = _Sheet(cluster, Bitwise(cluster, settle(plain_policies(case.policies, posture), cluster.nodes, names)))
    opened, doors = sheet.opened, sheet.doors
    return "".join(["1" if opened[p.src][p.dst] & doors[p.proto][p.port] else "0" for p in case.probes])


def _implied_nodes(case: PlainCase) -> Iterator[plain.Node]:
    """As `verdicts` has them: the nodes that pods say they are on, where the case has no such Node."""
    known = {node.metadata.name for node in case.nodes}
    for pod in case.pods:
        name, address = pod.spec.node_name, pod.status.host_ip
        if name and address is not None and name not in known:
            known.add(name)
            status = plain.NodeStatus((plain.NodeAddress("InternalIP", address),))
            yield plain.Node(plain.Metadata(name), status=status)


class _Answers(dict[K, V], Generic[K, V]):
    """Answers by question; each is asked once."""

    def __init__(self, ask: Callable[[K], V]) -> None:
        super().__init__()
        self._ask = ask

    def __missing__(self, question: K) -> V:
        answer = self[question] = self._ask(question)
        return answer


class _Sheet:
    """What a case's probes ask for: open doors by both ends, and a door by protocol and port."""

    def __init__(self, cluster: Cluster, bitwise: Bitwise) -> None:
        self._bitwise = bitwise
        self._addresses = {pod.title: pod.addresses for pod in cluster.pods}
        self.opened: _Answers[str, _Answers[str, int]] = _Answers(self._opened_from)
        self.doors: _Answers[str, _Answers[int, int]] = _Answers(self._doors_of)

    def _opened_from(self, src: str) -> _Answers[str, int]:
        clients = self._find(src)

        def opened_to(dst: str) -> int:
            for client in clients:
                for server in self._find(dst):
                    if (":" in client) == (":" in server):
                        return self._bitwise.opened(client, server)
            return 0

        return _Answers(opened_to)

    def _doors_of(self, proto: str) -> _Answers[int, int]:
        protocol = PROTOCOLS.get(proto.upper())
        if protocol is None:
            raise Doubt

        def door(port: int) -> int:
            if not 0 <= port <= 65535:
                raise Doubt
            return self._bitwise.doors.at(protocol, port)

        return _Answers(door)

    def _find(self, text: str) -> tuple[str, ...]:
        addresses = self._addresses.get(text) if "/" in text else (canonical(text),)
        if not addresses:
            raise Doubt
        return addresses
