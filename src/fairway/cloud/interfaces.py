"""Network interfaces as a cloud's own tool describes them: which address is a NAT gateway's or load balancer's."""

from pathlib import Path
from typing import Final

import msgspec

from fairway.kit.errors import UsageError

MAX_BYTES: Final = 256 << 20
_INSTANCES: Final = ("interface", "branch", "trunk", "efa", "")
"""Types of interfaces that instances have, and application load balancers, which say so."""


class _Association(msgspec.Struct, frozen=True, rename="pascal"):
    public_ip: str = ""


class _Address(msgspec.Struct, frozen=True, rename="pascal"):
    private_ip_address: str = ""
    association: _Association = _Association()


class _Interface(msgspec.Struct, frozen=True, rename="pascal"):
    network_interface_id: str
    description: str = ""
    interface_type: str = ""
    private_ip_addresses: tuple[_Address, ...] = ()


class _Interfaces(msgspec.Struct, frozen=True, rename="pascal"):
    network_interfaces: tuple[_Interface, ...]


def read_interfaces(path: Path) -> dict[str, str]:
    """Descriptions by interface id and by address, as `aws ec2 describe-network-interfaces` printed them (JSON).

    AWS writes them itself for what it manages: `ELB app/web/1a2b`, `Interface for NAT Gateway nat-1`. Instances'
    own interfaces are left out, for their addresses are pods' and nodes'. UsageError if it is no such list.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UsageError(f"{path}: is larger than {MAX_BYTES >> 20} MiB; is it a list of interfaces?")
        told = msgspec.json.decode(path.read_bytes(), type=_Interfaces).network_interfaces
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise UsageError(
            f"{path}: is no list of interfaces: {error}; give what `aws ec2 describe-network-interfaces` prints"
        ) from error
    found = {}
    for one in told:
        if one.interface_type in _INSTANCES and not one.description.startswith("ELB "):
            continue
        addresses = [(each.private_ip_address, each.association.public_ip) for each in one.private_ip_addresses]
        for key in (one.network_interface_id, *(text for pair in addresses for text in pair)):
            found[key] = one.description or one.interface_type.replace("_", " ")
    return {key: name for key, name in found.items() if key and name}
