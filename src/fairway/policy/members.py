"""Members: the addresses that pods of a cluster hold, each a bit. Whom a selector means is one number."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from fairway.policy.decide import namespace_labels
from fairway.policy.model import Cluster, Operator, Peer, Selector

_HAVING: Final = (Operator.IN, Operator.EXISTS)
_NONE: Final[Mapping[str, int]] = {}


class Members:
    """`held` are the addresses with their pods; bit i is the i-th. `others` is the bit of every address else;
    `everyone` has all these."""

    def __init__(self, cluster: Cluster) -> None:
        running = [pod for pod in cluster.pods if not pod.finished and not pod.host_network]
        self.held = [(address, pod) for pod in running for address in pod.addresses]
        self.others = 1 << len(self.held)
        self.everyone = 2 * self.others - 1
        self._labels = _Labels(dict(pod.labels) for _, pod in self.held)
        self._namespaces = _Labels(namespace_labels(cluster.namespaces, pod.namespace) for _, pod in self.held)
        self._homes: dict[str, int] = defaultdict(int)
        for index, (_, pod) in enumerate(self.held):
            self._homes[pod.namespace] |= 1 << index

    def meant(self, peer: Peer, home: str) -> int:
        """The members that a selecting peer means in a policy of namespace `home`."""
        if peer.namespaces is None:
            bits = self._homes.get(home, 0)
        else:
            bits = self._namespaces.having(peer.namespaces, self.others - 1)
        return bits if peer.pods is None else self._labels.having(peer.pods, bits)


class _Labels:
    """Members by what their labels say."""

    def __init__(self, each: Iterable[Mapping[str, str]]) -> None:
        self._bits: dict[str, dict[str, int]] = defaultdict(dict)
        for index, labels in enumerate(each):
            for key, value in labels.items():
                values = self._bits[key]
                values[value] = values.get(value, 0) | 1 << index

    def having(self, selector: Selector, among: int) -> int:
        """Those that the selector matches."""
        for wanted in selector.expressions:
            values = self._bits.get(wanted.key, _NONE)
            # In and NotIn alone name values. Nobody has two values of one key: a sum is a union.
            named = [values.get(value, 0) for value in wanted.values] if wanted.values else values.values()
            among &= sum(named) if wanted.operator in _HAVING else ~sum(named)
        return among
