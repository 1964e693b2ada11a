"""Services on a node: nftables rules as kube-proxy's nftables mode writes them. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from fairway.lab import topology

TABLE: Final = "fairway-services"


class Frontend(NamedTuple):
    """What clients dial."""

    address: str
    protocol: str  # tcp, udp
    port: int


class Backend(NamedTuple):
    """A ready pod's address and port."""

    address: str
    port: int


def render(backends: Mapping[Frontend, Sequence[Backend]]) -> str:
    """One transaction for `nft -f` that replaces all Services of both families.

    A Service address leads to one of its backends at random; one without any, like any unused address or port
    of the Service networks, is rejected.
    """
    return _family("ip", topology.SERVICES_V4, backends) + _family("ip6", topology.SERVICES_V6, backends)


def _family(family: str, network: str, backends: Mapping[Frontend, Sequence[Backend]]) -> str:
    mine = {f: b for f, b in backends.items() if b and (":" in f.address) == (family == "ip6")}
    numbered = dict(enumerate(mine.items()))
    jumps = ", ".join(f"{f.address} . {f.protocol} . {f.port} : goto service-{n}" for n, (f, _) in numbered.items())
    chains = "".join(_service(n, frontend, chosen) for n, (frontend, chosen) in numbered.items())
    hairpins = ", ".join(sorted({f"{b.address} . {b.address}" for chosen in mine.values() for b in chosen}))
    return f"""\
add table {family} {TABLE}
delete table {family} {TABLE}
table {family} {TABLE} {{
{chains}\
  chain services {{
    {f"{family} daddr . meta l4proto . th dport vmap {{ {jumps} }}" if jumps else ""}
  }}
  chain prerouting {{
    type nat hook prerouting priority dstnat; policy accept;
    jump services
  }}
  chain output {{
    type nat hook output priority -100; policy accept;
    jump services
  }}
  chain postrouting {{
    type nat hook postrouting priority srcnat; policy accept;
    {f"{family} saddr . {family} daddr {{ {hairpins} }} masquerade" if hairpins else ""}
  }}
  chain unserved {{
    {family} daddr {network} reject
  }}
  chain forward {{
    type filter hook forward priority filter; policy accept;
    jump unserved
  }}
  chain filter-output {{
    type filter hook output priority filter; policy accept;
    jump unserved
  }}
}}
"""


def _service(number: int, frontend: Frontend, chosen: Sequence[Backend]) -> str:
    choices = ", ".join(f"{n} : goto endpoint-{number}-{n}" for n in range(len(chosen)))
    endpoints = "".join(
        f"  chain endpoint-{number}-{n} {{\n    meta l4proto {frontend.protocol} dnat to {_target(b)}\n  }}\n"
        for n, b in enumerate(chosen)
    )
    return (
        f"{endpoints}  chain service-{number} {{\n    numgen random mod {len(chosen)} vmap {{ {choices} }}\n  }}\n"
    )


def _target(backend: Backend) -> str:
    address = f"[{backend.address}]" if ":" in backend.address else backend.address
    return f"{address}:{backend.port}"
