"""What rules can ask about an address, and which policies ask it."""

from ipaddress import ip_network

from fairway.policy.model import NetworkPolicy
from fairway.policy.read import read_policies
from fairway.policy.vocabulary import Traits, Vocabulary
from fairway.wire.endpoint import NamedPort
from support.objects import policy


def learned(*policies: dict[str, object]) -> tuple[Vocabulary, tuple[NetworkPolicy, ...]]:
    vocabulary, read = Vocabulary(), tuple(read_policies(("p.yaml", one) for one in policies))
    for number, one in enumerate(read):
        vocabulary.learn(one, number)
    return vocabulary, read


def block(cidr: str, *holes: str) -> dict[str, object]:
    return {"ipBlock": {"cidr": cidr, "except": list(holes)}}


def test_a_network_is_in_the_blocks_around_it_less_their_holes() -> None:
    peers = [block("10.0.0.0/8", "10.1.0.0/16"), block("10.1.2.0/24"), block("0.0.0.0/0"), block("::/0")]
    vocabulary, _ = learned(policy("a/p", egress=[{"to": peers}]))
    assert {str(network): set(blocks) for network, blocks in vocabulary.networks().items()} == {
        "0.0.0.0/0": {2},
        "10.0.0.0/8": {0, 2},
        "10.1.0.0/16": {2},
        "10.1.2.0/24": {1, 2},
        "::/0": {3},
    }


def test_families_do_not_nest() -> None:
    peers = [block("::/0"), block("10.0.0.0/8"), block("2001:db8::/32", "2001:db8:1::/48")]
    vocabulary, _ = learned(policy("a/p", egress=[{"to": peers}]))
    found = vocabulary.networks()
    assert found[ip_network("10.0.0.0/8")] == {1}
    assert found[ip_network("2001:db8::/32")] == {0, 2}
    assert found[ip_network("2001:db8:1::/48")] == {0}


def test_policies_are_asked_by_what_their_rules_ask() -> None:
    apps = [{"podSelector": {"matchLabels": {"app": "x"}}}]
    vocabulary, _ = learned(
        policy("a/one", ingress=[{"from": apps}]),
        policy("a/two", egress=[{"to": [block("10.0.0.0/8")], "ports": [{"port": "web"}]}]),
        policy("a/all", egress=[{"ports": [{"port": "web"}]}]),
        policy("b/one", ingress=[{"from": apps}]),
    )

    def asking(traits: Traits) -> set[int]:
        return {number for _, number in vocabulary.asking(traits)}

    assert asking(Traits()) == set()
    assert [asking(Traits(selections=frozenset({n}))) for n in (0, 1)] == [{0}, {3}]
    assert asking(Traits(blocks=frozenset({0}))) == {1}
    assert asking(Traits(named=(NamedPort("web", "TCP", 80),))) == {2}
    assert vocabulary.names == {("web", "TCP")}


def test_peers_of_a_learned_rule_have_their_numbers() -> None:
    vocabulary, (one,) = learned(policy("a/p", egress=[{"to": [block("10.0.0.0/8"), {"podSelector": {}}]}]))
    [rule] = one.egress or ()
    assert vocabulary.seen(rule.peers or (), "a") == ([0], [0])
