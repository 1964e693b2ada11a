"""NetObserv flows as JSON: lines of flowlogs-pipeline, Kafka or IPFIX exports, and Loki's answers.

Form: https://github.com/netobserv/network-observability-operator docs/flows-format. A record holds the packets of
one direction of a connection, as the agent of one node saw them.
"""

from typing import Any, Final

from fairway.hub.importers.ends import Ends, Told
from fairway.hub.importers.lines import Block
from fairway.hub.importers.moment import moment
from fairway.hub.importers.objects import read_objects
from fairway.hub.importers.sight import At, Opener, Sights
from fairway.hub.importers.tally import Tally
from fairway.wire.endpoint import Kind
from fairway.wire.words import Verdict

_SYN, _ACK, _SYN_ACK = 2, 16, 256
"""Bits of `Flags`; SYN with ACK has a bit of its own in the agent's records."""
_BITS: Final = {"SYN": _SYN, "ACK": _ACK, "SYN_ACK": _SYN_ACK}
TAKEN: Final = frozenset(
    (
        *(
            "Packets",
            "Packets_AB",
            "Packets_BA",
            "Bytes",
            "Bytes_AB",
            "Bytes_BA",
            "Proto",
            "Flags",
            "FlowDirection",
        ),
        *("TimeFlowStartMs", "TimeFlowEndMs", "TimeFlowStart", "TimeFlowEnd", "TimeReceived", "TimeFlowRttNs"),
        *("PktDropPackets", "PktDropLatestDropCause", "NetworkEvents", "Duplicate", "_RecordType"),
        *(f"{end}{name}" for end in ("Src", "Dst") for name in ("Addr", "Port", "K8S_Name", "Pod", "K8S_Type")),
        *(f"{end}K8S_{name}" for end in ("Src", "Dst") for name in ("Namespace", "OwnerName", "OwnerType")),
        *(f"{end}K8S_{name}" for end in ("Src", "Dst") for name in ("Zone", "HostName")),
        *(f"{end}{name}" for end in ("Src", "Dst") for name in ("Namespace", "Workload", "WorkloadKind")),
    )
)
_DIRECTIONS: Final = {"0": At.TARGET, "1": At.SOURCE}
_POLICY_DROPS: Final = ("OVS_DROP_EXPLICIT", "SKB_DROP_REASON_NETFILTER_DROP")
_TCP: Final = 6
_MOST: Final = 1 << 62

Fields = dict[str, Any]


class NetObserv:
    """Reads records, one per line or several in an answer."""

    def __init__(self, ends: Ends, tally: Tally) -> None:
        self._ends = ends
        self._tally = tally

    def read(self, block: Block) -> Sights:
        """The sights of a block of lines."""
        return read_objects(block, self._tally, self._row)

    def _row(self, fields: Fields) -> tuple[int, ...] | str:
        """A sight, or why there is none."""
        if "SrcAddr" not in fields or "DstAddr" not in fields:
            return "no flow"
        self._tally.records += 1
        unknown = self._tally.untaken(fields, TAKEN)
        if reason := _unfit(fields):
            return reason
        start, end = _times(fields)
        if start is None:
            return "no time"
        try:
            source, target = self._end(fields, "Src"), self._end(fields, "Dst")
            ports, protocol = (_count(fields, "SrcPort"), _count(fields, "DstPort")), _count(fields, "Proto")
            packets, back_packets = _count(fields, "Packets", "Packets_AB"), _count(fields, "Packets_BA")
            size, back_size = _count(fields, "Bytes", "Bytes_AB"), _count(fields, "Bytes_BA")
            flags = _flags(fields.get("Flags", 0))
            srtt = _count(fields, "TimeFlowRttNs") // 1000
            dropped = _count(fields, "PktDropPackets") if _by_policy(fields) else 0
        except (ValueError, TypeError, OverflowError):
            return "an address, a port or a counter is none"
        if max(ports) > 65535 or protocol > 255:
            return "a port or a protocol is out of range"
        denied = dropped > 0 and dropped >= packets
        opener = _opener(flags) if protocol == _TCP else Opener.UNKNOWN
        at = _DIRECTIONS.get(str(fields.get("FlowDirection", "")), At.HERE)
        opened = protocol != _TCP or opener is Opener.SOURCE or (opener is Opener.UNKNOWN and bool(flags & _SYN))
        passed = 0 if denied else 1
        return (
            start, max(start, end or start), source, target, *ports, protocol, opener, at,
            Verdict.DENY if denied else Verdict.UNJUDGED, 0, 0, 0, 0,
            passed * size, passed * back_size, passed * packets, passed * back_packets,
            passed * int(opened), min(dropped, 1 << 31) if denied else 0, 0, min(srtt, 1 << 31), unknown,
        )  # fmt: skip

    def _end(self, fields: Fields, end: str) -> int:
        """The end by its Kubernetes names, if the record has any; older exports spell them otherwise."""

        def text(*names: str) -> str:
            return next((str(fields[f"{end}{name}"]) for name in names if fields.get(f"{end}{name}")), "")

        address, name = text("Addr"), text("K8S_Name", "Pod")
        kind = text("K8S_Type") or ("Pod" if name else "")
        zone, node = text("K8S_Zone"), text("K8S_HostName")
        if kind == "Node":
            return self._ends.told(Told(Kind.NODE, address, name=name, zone=zone))
        namespace = text("K8S_Namespace", "Namespace")
        if kind == "Service":
            return self._ends.told(Told(Kind.SERVICE, address, namespace, name))
        if kind != "Pod" or not namespace:
            return self._ends.at(address)
        owner, owner_kind = text("K8S_OwnerName", "Workload"), text("K8S_OwnerType", "WorkloadKind")
        workload = f"{owner_kind}/{owner}" if owner and owner_kind else ""
        return self._ends.told(Told(Kind.POD, address, namespace, name, workload, node=node, zone=zone))


def _unfit(fields: Fields) -> str:
    """Why the record adds nothing; empty if it does."""
    if fields.get("Duplicate") is True:
        return "a duplicate: the same packets at another interface"
    if str(fields.get("_RecordType") or "flowLog") not in ("flowLog", "endConnection"):
        return "an interim report of a conversation"
    return ""


def _times(fields: Fields) -> tuple[int | None, int | None]:
    """Start and end; an export without them has when it was received."""
    start, end = (
        moment(fields.get(f"TimeFlow{which}Ms") or fields.get(f"TimeFlow{which}") or "")
        for which in ("Start", "End")
    )
    received = moment(fields.get("TimeReceived", ""))
    return start or end or received, end or received


def _count(fields: Fields, *names: str) -> int:
    value = next((int(fields[name]) for name in names if fields.get(name)), 0)
    if not 0 <= value < _MOST:
        raise ValueError(names[0])
    return value


def _flags(value: Any) -> int:
    """TCP flags, as a number or as names."""
    if isinstance(value, list):
        return sum(_BITS.get(str(name), 0) for name in set(value))
    return int(value or 0)


def _opener(flags: int) -> Opener:
    """Flags of all packets together. SYN beside ACK may be either end's, in exports without the bit of SYN-ACK."""
    if flags & _SYN_ACK:
        return Opener.TARGET
    return Opener.SOURCE if flags & _SYN and not flags & _ACK else Opener.UNKNOWN


def _by_policy(fields: Fields) -> bool:
    """The packets were dropped by a policy, as far as the record says: other drops are the network's."""
    events = fields.get("NetworkEvents")
    if isinstance(events, list) and any(isinstance(one, dict) and one.get("Action") == "drop" for one in events):
        return True
    return str(fields.get("PktDropLatestDropCause", "")) in _POLICY_DROPS
