"""Tables: for each node as much of the rows as its own pods can tell apart, and not more.

Two identities to which all pods of a node may open the same are one there. What every other address has is WORLD,
and an address or network that would have the same without an entry of its own gets none.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fairway.policy.grants import Grant, GrantRows, RowPart, rows_of
from fairway.policy.groups import Numbers
from fairway.policy.identities import Identities
from fairway.policy.model import Pod
from fairway.policy.vocabulary import network_order
from fairway.wire.address import packed
from fairway.wire.rules import ANY, FIRST_POLICY, WORLD, PodRules, Row, RuleTable
from fairway.wire.words import Direction, Mode, Posture

Ints = NDArray[np.int32]
_Part = tuple[int, int, int, int, int, int]
"""Of a row: policy, direction, protocol, low, high and rule, numbered as in the table."""
_Signature = tuple[_Part, ...]
"""All rows of an identity."""


_BEHIND: Final = -1
"""In place of a rule: allowed there, and judged once more."""


class Beside(NamedTuple):
    """What tables have beside their rows, in the compilation's own numbers; see `wire.rules.RuleTable`."""

    names: tuple[tuple[str, int], ...] = ()
    resolvers: tuple[str, ...] = ()
    behind: tuple[Row, ...] = ()


NOTHING: Final = Beside()


class _Entries(NamedTuple):
    """Look-up keys in the order of tables, with their identities and those they would have without their entry."""

    keys: Sequence[str]
    identity: Ints
    fallback: Ints

    def unlike(self, classes: Ints) -> tuple[tuple[str, int], ...]:
        """Those that classes of identities tell apart from what they would have without an entry."""
        mine = classes[self.identity]
        unlike = np.flatnonzero(mine != classes[self.fallback])
        return tuple((self.keys[i], int(mine[i])) for i in unlike.tolist())


class Tables:
    """Makes the tables of one compilation; `pods` come in order."""

    def __init__(
        self,
        identities: Identities,
        grants: Mapping[int, tuple[Direction, Grant]],
        rules: Sequence[str],
        pods: Iterable[tuple[Pod, tuple[Numbers, Numbers]]],
    ) -> None:
        self._grants = grants
        self._rules = rules
        self._size = len(identities.traits)
        self._rows: dict[int, GrantRows] = {}
        self._by_node: dict[str, list[tuple[Pod, tuple[Numbers, Numbers]]]] = defaultdict(list)
        for pod, numbers in pods:
            self._by_node[pod.node].append((pod, numbers))
        self._exact = _addresses(identities)
        self._networks = _networks(identities)
        self._alive = {*identities.exact.values(), *identities.networks.values()}

    def table(
        self, node: str, revision: int, mode: Mode, posture: Posture, local: tuple[str, ...], beside: Beside
    ) -> RuleTable:
        """One node's table; what is `beside` its rows is numbered as they are."""
        pods = self._by_node.get(node, ())
        numbers = dict.fromkeys(n for _, pairs in pods for pair in pairs for n in pair if n >= FIRST_POLICY)
        policies = {number: FIRST_POLICY + index for index, number in enumerate(numbers)}
        sheet = _Sheet(
            [(policies[n], self._grants[n][0], self._rows_of(n)) for n in numbers],
            [(row.identity, _behind(row, policies)) for row in beside.behind if row.policy in policies],
            self._rules,
            self._size,
        )
        names = ((name, int(sheet.classes[identity])) for name, identity in beside.names)
        return RuleTable(
            revision=revision,
            posture=posture,
            local=local,
            exact=self._exact.unlike(sheet.classes),
            cidrs=self._networks.unlike(sheet.classes),
            rows=tuple(sheet.rows()),
            pods=tuple(PodRules(pod.uid, *_renumbered(policies, pairs), mode=(mode, mode)) for pod, pairs in pods),
            rules=("", *sheet.titles),
            names=tuple((name, identity) for name, identity in names if identity != WORLD),
            resolvers=beside.resolvers,
            behind=tuple(sheet.rows(behind=True)),
        )

    def _rows_of(self, number: int) -> GrantRows:
        if number not in self._rows:
            self._rows[number] = rows_of(self._grants[number][1], self._alive)
        return self._rows[number]


def _behind(row: Row, policies: Mapping[int, int]) -> _Part:
    return policies[row.policy], row.direction, row.protocol, row.low, row.high, _BEHIND


def _renumbered(policies: Mapping[int, int], pairs: tuple[Numbers, Numbers]) -> tuple[Numbers, Numbers]:
    active, staged = ((policies.get(ingress, ingress), policies.get(egress, egress)) for ingress, egress in pairs)
    return active, staged


class _Sheet:
    """The rows of some policies, with identities in classes: 0 is that of WORLD."""

    def __init__(
        self,
        policies: Sequence[tuple[int, Direction, GrantRows]],
        behind: Sequence[tuple[int, _Part]],
        rules: Sequence[str],
        size: int,
    ) -> None:
        self._policies = policies
        self._behind = behind
        used = {part[3] for _, _, rows in policies for parts in _parts(rows) for part in parts}
        self.titles = sorted(rules[rule] for rule in used)
        titles = {title: index for index, title in enumerate(self.titles, start=1)}
        self._numbers = {rule: titles[rules[rule]] for rule in used}
        signatures = self._signatures()
        world: _Signature = tuple(p for n, d, rows in policies for p in self._written(n, d, rows.default))
        self.signatures = [world, *sorted({*signatures.values()} - {world})]
        numbers = {signature: number for number, signature in enumerate(self.signatures)}
        self.classes = np.zeros(size, np.int32)
        for identity, signature in signatures.items():
            self.classes[identity] = numbers[signature]

    def _signatures(self) -> dict[int, _Signature]:
        """By identity, of all that some policy treats unlike the rest."""
        named = {identity for _, _, rows in self._policies for identity in rows.own}
        named |= {identity for identity, _ in self._behind}
        found: dict[int, list[_Signature]] = {identity: [] for identity in named}
        for number, direction, rows in self._policies:
            written = {id(parts): self._written(number, direction, parts) for parts in _parts(rows)}
            for identity, parts in rows.own.items():
                if parts:
                    found[identity].append(written[id(parts)])
            if rows.default:
                for identity in named - rows.own.keys():
                    found[identity].append(written[id(rows.default)])
        for identity, part in self._behind:
            found[identity].append((part,))
        return {identity: tuple(p for parts in listed for p in parts) for identity, listed in found.items()}

    def _written(self, number: int, direction: Direction, parts: Iterable[RowPart]) -> _Signature:
        return tuple((number, direction, *part[:3], self._numbers[part[3]]) for part in parts)

    def rows(self, *, behind: bool = False) -> Iterator[Row]:
        """All rows, in order of policy and identity; or those that are judged behind."""
        found = [(ANY, part) for n, d, rows in self._policies for part in self._written(n, d, rows.common)]
        found += [(number, part) for number, parts in enumerate(self.signatures) for part in parts]
        for identity, (policy, direction, protocol, low, high, rule) in sorted(found, key=_order):
            if (rule == _BEHIND) is behind:
                yield Row(policy, identity, direction, protocol, low, high, max(rule, 0))


def _order(row: tuple[int, _Part]) -> tuple[int, int, _Part]:
    identity, part = row
    return part[0], identity, part


def _parts(rows: GrantRows) -> Iterable[tuple[RowPart, ...]]:
    """Every different list of rows."""
    return {id(parts): parts for parts in (rows.common, rows.default, *rows.own.values())}.values()


def _addresses(identities: Identities) -> _Entries:
    listed = sorted(identities.exact.items(), key=lambda pair: packed(pair[0]))
    fallback = [identities.outside(address) for address, _ in listed]
    return _entries([address for address, _ in listed], [identity for _, identity in listed], fallback)


def _networks(identities: Identities) -> _Entries:
    listed = sorted(identities.networks.items(), key=lambda pair: network_order(pair[0]))
    fallback = [identities.around(network) for network, _ in listed]
    return _entries([str(network) for network, _ in listed], [identity for _, identity in listed], fallback)


def _entries(keys: Sequence[str], identity: Sequence[int], fallback: Sequence[int]) -> _Entries:
    return _Entries(keys, np.array(identity, np.int32), np.array(fallback, np.int32))
