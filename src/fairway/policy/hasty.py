"""hasty: a case judged in haste, as nearly all can be: ordinary objects, nothing wrong anywhere.

Doubt about anything ends it; then `verdicts.judge` takes the case, slowly, and tells what is wrong if something is.
"""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

import msgspec

from fairway.policy import plain
from fairway.policy.bitwise import Bitwise, End
from fairway.policy.cases import SPELLINGS, PlainCase
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
    cluster = plain_cluster(case.namespaces, [*case.nodes, *_implied_nodes(case)], case.pods, case.services)
    bitwise = Bitwise(cluster, settle(plain_policies(case.policies, posture), cluster.nodes, names))
    digits, before = _Answers(_Pairs(cluster, bitwise).digits_from), bitwise.doors.before
    first = {spelt: bitwise.doors.first(protocol) for spelt, protocol in SPELLINGS.items()}
    return "".join([digits[p.src][p.dst][first[p.proto] + before[p.port]] for p in case.probes])


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


class _Pairs:
    """The pairs of ends that a case's probes ask about."""

    def __init__(self, cluster: Cluster, bitwise: Bitwise) -> None:
        self._bitwise = bitwise
        self._addresses = {service.title: service.addresses for service in cluster.services}
        self._addresses |= {pod.title: pod.addresses for pod in cluster.pods}
        self._ends = _Answers(self._find)
        self._digits = _Answers(bitwise.doors.digits)

    def digits_from(self, src: str) -> _Answers[str, str]:
        """By `dst`, a digit for each door of the first address family that both ends have."""
        clients, ends, opened = self._ends[src], self._ends, self._bitwise.opened

        def digits_to(dst: str) -> str:
            for client in clients:
                for server in ends[dst]:
                    if (":" in client.address) == (":" in server.address):
                        return self._digits[opened(client, server)]
            return self._digits[0]

        return _Answers(digits_to)

    def _find(self, text: str) -> list[End]:
        """Who stands behind the text; Doubt if nobody does."""
        addresses = self._addresses.get(text) if "/" in text else (canonical(text),)
        if not addresses:
            raise Doubt
        return [self._bitwise.end(address) for address in addresses]
