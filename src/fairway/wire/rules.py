"""RuleTable: what an agent is told to hold its node's pods to. Made by `policy.compile`, obeyed by the kernel.

An identity is a set of addresses that no rule can tell apart. A row says that pods under `policy` may open
connections of `protocol` and ports `low..high` with peers of `identity` in `direction`; what has no row is
denied. Rows are complete for both slots, so a table replaces its predecessor at one stroke.
"""

from typing import Final

import msgspec

from fairway.wire.words import Mode, Posture

VERSION: Final = 1

WORLD: Final = 0
"""Identity of every address that is in no list."""
ANY: Final = 0xFFFFFFFF
"""In a row: peers of every identity, WORLD included."""

UNUSED: Final = 0
"""Policy number: the slot judges nothing in this direction."""
OPEN: Final = 1
"""Policy number: no policy isolates the pod in this direction and the posture allows it."""
CLOSED: Final = 2
"""Policy number: no policy selects the pod in this direction and the posture denies it."""
FIRST_POLICY: Final = 16


class Row(msgspec.Struct, frozen=True, array_like=True):
    """One allowed interval of ports; `protocol` 0 means every protocol, and then `low..high` is 0..65535."""

    policy: int
    identity: int
    direction: int
    protocol: int
    low: int
    high: int
    rule: int


class PodRules(msgspec.Struct, frozen=True):
    """One pod's policy numbers, each pair as (ingress, egress), and what the active verdict does to it."""

    uid: str
    active: tuple[int, int] = (UNUSED, UNUSED)
    staged: tuple[int, int] = (UNUSED, UNUSED)
    mode: tuple[Mode, Mode] = (Mode.OFF, Mode.OFF)


class RuleTable(msgspec.Struct, frozen=True):
    """Everything one node needs. `exact` maps addresses, `cidrs` networks to identities; the longest match wins.

    `revision` only grows. `rules[i]` names rule number i (`orders/orders-db ingress[0]`); number 0 is none.
    `local` are the node's own addresses: what they open to this node's pods always passes (the kubelet).
    `names` are domain names and the identities that stand for them in rows: an address that one of `resolvers`
    answered such a name with has that identity, too. `behind` are rows towards Service addresses whose backends
    differ: what they open is judged once more where the backend is seen; who cannot see it leaves them out.
    """

    revision: int
    posture: Posture = Posture.ALLOW
    local: tuple[str, ...] = ()
    exact: tuple[tuple[str, int], ...] = ()
    cidrs: tuple[tuple[str, int], ...] = ()
    rows: tuple[Row, ...] = ()
    pods: tuple[PodRules, ...] = ()
    rules: tuple[str, ...] = ("",)
    names: tuple[tuple[str, int], ...] = ()
    resolvers: tuple[str, ...] = ()
    behind: tuple[Row, ...] = ()
    version: int = VERSION


class NodePod(msgspec.Struct, frozen=True):
    """A pod that the agent must attach to; the agent finds its interface by its addresses."""

    uid: str
    namespace: str
    name: str
    addresses: tuple[str, ...]


class NodeFeed(msgspec.Struct, frozen=True):
    """What an agent is told: the pods on its node and the rules for them."""

    node: str
    pods: tuple[NodePod, ...] = ()
    table: RuleTable = RuleTable(revision=0)
