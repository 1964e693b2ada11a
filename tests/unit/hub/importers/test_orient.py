"""Which end is the client: what is known, what is guessed, and which guesses hold."""

import numpy as np
import pytest

from fairway.hub.importers.ends import Ends
from fairway.hub.importers.orient import Orient
from fairway.hub.importers.sight import SIGHT, Opener, Sights
from support.objects import cluster, pod, service

CLUSTER = cluster(
    pod("a/dns", "10.0.0.1", ports={"dns": (53, "UDP")}),
    pod("a/web", "10.0.0.2", ports={"http": 8080}),
    pod("a/high", "10.0.0.3", ports={"odd": 45000}),
    service("a/web", "10.96.0.1"),
)
DNS, WEB, HIGH, SERVICE, OTHER = "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.96.0.1", "10.9.9.9"


def sight(ends: Ends, source: str, target: str, ports: tuple[int, int], protocol: int, opener: int = 0) -> Sights:
    one = np.zeros(1, SIGHT)
    one["source"], one["target"] = ends.at(source), ends.at(target)
    one["source_port"], one["target_port"] = ports
    one["protocol"], one["opener"] = protocol, opener
    return one


@pytest.mark.parametrize(
    ("source", "target", "ports", "protocol", "opener", "forward", "known"),
    [
        (OTHER, WEB, (40000, 8080), 6, Opener.SOURCE, True, True),
        (WEB, OTHER, (8080, 40000), 6, Opener.TARGET, False, True),
        (OTHER, DNS, (40000, 53), 17, 0, True, True),  # the pod declares it
        (DNS, OTHER, (53, 40000), 17, 0, False, True),
        (DNS, OTHER, (40000, 53), 17, 0, True, False),  # what the pod asks is its own
        (DNS, OTHER, (53, 40000), 6, 0, False, False),  # declared for UDP alone
        (OTHER, HIGH, (40000, 45000), 6, 0, True, True),  # though the port is the higher one
        (OTHER, SERVICE, (40000, 80), 6, 0, True, True),  # a Service opens nothing
        (SERVICE, OTHER, (80, 40000), 6, 0, False, True),
        (OTHER, "10.9.9.8", (40000, 9000), 6, 0, True, False),
        (OTHER, "10.9.9.8", (9000, 40000), 6, 0, False, False),
        (OTHER, "10.9.9.8", (0, 9000), 6, 0, True, False),  # a record that has no client port
        (OTHER, "10.9.9.8", (0, 0), 1, 0, True, False),
    ],
)
def test_one_record(
    source: str, target: str, ports: tuple[int, int], protocol: int, opener: int, forward: bool, known: bool
) -> None:
    ends = Ends(CLUSTER)
    found = Orient(ends)(sight(ends, source, target, ports, protocol, opener))
    assert (found.forward.tolist(), found.known.tolist()) == ([forward], [known])


def test_a_port_that_served_is_a_server_later() -> None:
    ends = Ends()
    orient = Orient(ends)
    orient(sight(ends, "10.0.0.8", OTHER, (40000, 50000), 6, Opener.SOURCE))
    found = orient(sight(ends, "10.0.0.7", OTHER, (40000, 50000), 6))
    assert (found.forward.tolist(), found.known.tolist()) == ([True], [False])


def test_four_client_ports_across_chunks_settle_it() -> None:
    ends = Ends()
    orient = Orient(ends)
    known = [
        bool(orient(sight(ends, OTHER, "10.0.0.8", (port, 53), 17)).known[0])
        for port in (40000, 40001, 40001, 40002, 40003, 40004)
    ]
    assert known == [False, False, False, False, True, True]
    assert not orient(sight(ends, "10.0.0.7", "10.0.0.8", (40000, 53), 17)).known[0]  # another client
