"""Services whose backends policies judge differently: which of their ports an agent may open if it judges again
behind them. Towards the Service address alone such a port is closed, for the address says nothing of the backend.
"""

from collections.abc import Iterable
from operator import attrgetter

from fairway.policy.compile import Compiled
from fairway.policy.directory import Directory
from fairway.policy.grants import column_of
from fairway.policy.model import Cluster
from fairway.wire.endpoint import Kind
from fairway.wire.rules import Row
from fairway.wire.words import PROTOCOL_NUMBERS, Direction


def behind_rows(compiled: Compiled, cluster: Cluster, numbers: Iterable[int]) -> tuple[Row, ...]:
    """One row per Service port that the policy of a number allows some backends of and denies others.

    Left out are ports with a backend on a node itself: a packet reaches that one without leaving its own node, so
    nobody sees it once more.
    """
    directory, found = Directory(cluster), []
    egress = [n for n in numbers if n in compiled.grants and compiled.grants[n][0] is Direction.EGRESS]
    for address, identity in compiled.identities.services.items():
        service = directory.service_at(address)
        for port in service.ports if service else ():
            backends = directory.backends(address, port.port, port.protocol)
            if not backends or any(end.kind is Kind.NODE for end, _ in backends):
                continue
            protocol = PROTOCOL_NUMBERS.get(port.protocol, 255)
            targets = {(compiled.identities.of(end.address), number) for end, number in backends}
            if len(targets) < 2:
                continue  # as most are: replicas of one kind
            for policy in egress:
                grant = compiled.grants[policy][1]
                opened = [grant.rule(of, column_of(protocol), number) is not None for of, number in targets]
                if any(opened) and not all(opened):
                    found.append(Row(policy, identity, Direction.EGRESS, protocol, port.port, port.port, 0))
    return tuple(sorted(found, key=attrgetter("policy", "identity", "protocol", "low")))
