"""Protocols, directions, modes, verdicts: the small words that the kernel and every room use alike.

The numbers are the kernel's: `bpf/fairway.h` holds the same enumerations, and a test compares the two.
"""

from enum import IntEnum, StrEnum
from typing import Final

PROTOCOL_NUMBERS: Final = {"ICMP": 1, "TCP": 6, "UDP": 17, "ICMPv6": 58, "SCTP": 132}
PROTOCOL_NAMES: Final = {number: name for name, number in PROTOCOL_NUMBERS.items()}

ANY_PROTOCOL: Final = 0
"""In a rule row: every protocol and port, ICMP included."""


def protocol_name(number: int) -> str:
    """Name of an IP protocol number; a number without a name of its own is written as digits."""
    return PROTOCOL_NAMES.get(number, str(number))


class Direction(IntEnum):
    """Of a connection, from the pod's view: ingress is opened by the remote end, egress by the pod."""

    INGRESS = 0
    EGRESS = 1


class Slot(IntEnum):
    """The two policy sets judged side by side in the kernel: one in force, one on trial."""

    ACTIVE = 0
    STAGED = 1


class Mode(IntEnum):
    """What the active slot's verdict does: nothing is judged, it is judged and told, or it is obeyed."""

    OFF = 0
    AUDIT = 1
    ENFORCE = 2


class Verdict(IntEnum):
    """Of one slot on one connection."""

    UNJUDGED = 0
    ALLOW = 1
    DENY = 2


class Reason(IntEnum):
    """Why a connection was, or would be, denied."""

    NONE = 0
    NO_RULE = 1  # a policy isolates the pod in this direction and no rule allows the connection
    POSTURE = 2  # no policy selects the pod in this direction and the posture is deny
    UNKNOWN_POD = 3  # the agent has no entry for this interface yet and the node's posture is deny
    FRAGMENT = 4  # a later fragment whose first one was not seen
    UNPARSED = 5  # truncated, too many extension headers, or no IP


class Initiator(IntEnum):
    """Who opened the connection, from the pod's view."""

    UNKNOWN = 0  # the entry was made by a packet in mid-stream
    POD = 1
    REMOTE = 2


class Posture(StrEnum):
    """What happens to a pod that no policy selects in a direction."""

    ALLOW = "allow"
    DENY = "deny"
