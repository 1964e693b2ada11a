"""A Service's port is open if all its backends are, at their own ports."""

from fairway.policy.fronts import Fronts, find_fronts
from fairway.policy.grants import SHUT, Grant, Openings
from fairway.policy.identities import Identities
from fairway.policy.intervals import Span
from fairway.policy.model import Cluster
from fairway.policy.read import read_policies
from fairway.policy.vocabulary import Vocabulary
from support.objects import cluster, pod, policy, service

ONE, TWO, EMPTY = "10.96.0.1", "10.96.0.2", "10.96.0.3"


def tcp(*spans: tuple[int, int, int]) -> Openings:
    return tuple(Span(*span) for span in spans), (), (), ()


def place() -> tuple[Cluster, Identities, Fronts]:
    vocabulary = Vocabulary()
    rules = [{"to": [{"podSelector": {"matchLabels": {"app": app}}}]} for app in "pq"]
    vocabulary.learn(read_policies([("p.yaml", policy("a/x", egress=rules))])[0])
    ports = [{"port": 80, "targetPort": 8080}]
    found = cluster(
        pod("a/p", "10.0.0.1", "fd00::1", labels={"app": "p", "all": "1"}),
        pod("a/q", "10.0.0.2", labels={"app": "q", "all": "1"}),
        service("a/one", ONE, selector={"app": "p"}, ports=ports),
        service("a/two", TWO, "fd00:96::2", selector={"all": "1"}, ports=ports),
        service("a/empty", EMPTY, selector={"app": "none"}, ports=ports),
    )
    identities = Identities(found, vocabulary)
    return found, identities, find_fronts(found.services, identities)


def test_every_backend_must_be_open() -> None:
    _, identities, fronts = place()
    p, q = identities.of("10.0.0.1"), identities.of("10.0.0.2")
    half = fronts.opened(Grant(SHUT, {p: tcp((8080, 8080, 4))}))
    assert half.own == {p: tcp((8080, 8080, 4)), **dict.fromkeys(opened(identities, ONE, "fd00:96::2"), OPENED)}
    whole = fronts.opened(Grant(SHUT, {p: tcp((8080, 8080, 4)), q: tcp((8080, 8080, 5))}))
    assert set(whole.own) == {p, q, *opened(identities, ONE, TWO, "fd00:96::2")}


OPENED = tcp((80, 80, 4))


def opened(identities: Identities, *addresses: str) -> list[int]:
    return [identities.of(address) for address in addresses]


def test_a_rule_for_all_destinations_opens_no_service_whose_backends_it_does_not() -> None:
    _, identities, fronts = place()
    found = fronts.opened(Grant(tcp((79, 80, 1))))
    assert found.own == dict.fromkeys(opened(identities, ONE, TWO, "fd00:96::2"), tcp((79, 79, 1)))
    assert found.of(identities.of(EMPTY)) == tcp((79, 80, 1))


def test_a_rule_for_all_destinations_opens_services_by_their_backends() -> None:
    _, identities, fronts = place()
    q = identities.of("10.0.0.2")
    found = fronts.opened(Grant(tcp((8080, 8080, 1)), {q: SHUT}))
    both = tcp((80, 80, 1), (8080, 8080, 1))
    assert found.own == {q: SHUT, **dict.fromkeys(opened(identities, ONE, "fd00:96::2"), both)}
