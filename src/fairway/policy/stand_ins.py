"""Domain names that agents follow: each name is compiled as an address that nothing has, and what the rows allow to
that address, the kernel allows to whatever the name resolves to.
"""

from collections.abc import Iterable

from fairway.policy.model import Action, PolicySet
from fairway.policy.settle import domains_of

_FIRST = int.from_bytes(bytes([1]) + bytes(15), "big")  # 100::, the discard-only prefix of RFC 6666


def stand_ins(sets: Iterable[PolicySet | None]) -> dict[str, str]:
    """An address for each domain name or wildcard that the policies have, by name."""
    names = sorted({name.lower().removesuffix(".") for chosen in sets if chosen for name in domains_of(chosen)})
    return {name: f"100::{index:x}" for index, name in enumerate(names, start=1)}


def unfollowable(policies: PolicySet) -> str:
    """The title of a policy that denies or passes certain networks, beside which domain names cannot be followed:
    an address may be in such a network and have such a name, and which rule comes first only the tiers know."""
    if not domains_of(policies):
        return ""
    for tiered in policies.tiered:
        for rule in tiered.egress:
            blocks = [peer.block for peer in rule.rule.peers or () if peer.block is not None]
            if rule.action is not Action.ACCEPT and any(block.network.prefixlen for block in blocks):
                return tiered.title
    return ""
