"""Whom selectors mean, as bits, against the plain matching of labels."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from fairway.policy.decide import peer_matches
from fairway.policy.directory import pod_endpoint
from fairway.policy.members import Members
from fairway.policy.model import Cluster, Peer
from support.random_clusters import random_case


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32))
def test_the_members_a_peer_means_are_those_it_matches(seed: int) -> None:
    cluster, policies, _ = random_case(random.Random(seed))
    members = Members(cluster)
    for policy in policies.policies:
        rules = (*(policy.ingress or ()), *(policy.egress or ()))
        peers = [peer for rule in rules for peer in rule.peers or () if peer.block is None]
        for peer in (Peer(policy.subject), *peers):
            matched = [
                peer_matches(peer, policy.namespace, cluster.namespaces, pod_endpoint(pod, address))
                for address, pod in members.held
            ]
            assert members.meant(peer, policy.namespace) == sum(hit << i for i, hit in enumerate(matched))


def test_without_pods_everyone_is_the_others() -> None:
    members = Members(Cluster())
    assert (members.held, members.others, members.everyone) == ([], 1, 1)
