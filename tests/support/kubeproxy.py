"""Services as kube-proxy's nftables mode writes them: its table, chains, maps and marks.

Format: pkg/proxy/nftables of k8s.io/kubernetes, and what `nft list ruleset` shows on nodes of 1.31 and later.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

MARK: Final = "0x4000"
"""Of packets that are to have the node's address."""


@dataclass(frozen=True)
class Served:
    """One port of a Service in one address family. `local`: its backends on this node; `keeps_source`:
    externalTrafficPolicy Local."""

    name: str
    address: str
    port: int
    node_port: int
    backends: Sequence[tuple[str, int]]
    local: Sequence[tuple[str, int]] = ()
    keeps_source: bool = False

    @property
    def chain(self) -> str:
        return f"2QRHZV4L-{self.name}/tcp/http"


def ruleset(services: Iterable[Served], node_address: str, pods: str) -> str:
    """The table of one family for `nft -f`; `pods` is the network of all pods."""
    services = tuple(services)
    family = "ip6" if ":" in node_address else "ip"
    kind = "ipv6_addr" if family == "ip6" else "ipv4_addr"
    ips = ", ".join(f"{one.address} . tcp . {one.port} : goto service-{one.chain}" for one in services)
    ports = ", ".join(f"tcp . {one.node_port} : goto external-{one.chain}" for one in services)
    chains = "".join(_chains(one, family, pods) for one in services)
    return f"""
table {family} kube-proxy {{
  comment "rules for kube-proxy"
  set nodeport-ips {{ type {kind}; elements = {{ {node_address} }} }}
  chain mark-for-masquerade {{ meta mark set meta mark or {MARK}; }}
  chain masquerading {{
    meta mark and {MARK} == 0 return
    meta mark set meta mark xor {MARK}
    masquerade fully-random
  }}
{chains}
  map service-ips {{ type {kind} . inet_proto . inet_service : verdict; elements = {{ {ips} }} }}
  map service-nodeports {{ type inet_proto . inet_service : verdict; elements = {{ {ports} }} }}
  chain services {{
    {family} daddr . meta l4proto . th dport vmap @service-ips
    {family} daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports
  }}
  chain nat-prerouting {{ type nat hook prerouting priority -100; jump services; }}
  chain nat-output {{ type nat hook output priority -100; jump services; }}
  chain nat-postrouting {{ type nat hook postrouting priority 100; jump masquerading; }}
}}
"""


def _chains(one: Served, family: str, pods: str) -> str:
    endpoints = "".join(
        f"  chain {_endpoint(one, *backend)} {{\n"
        f"    {family} saddr {backend[0]} jump mark-for-masquerade\n"
        f"    meta l4proto tcp dnat to {_target(*backend)}\n  }}\n"
        for backend in dict.fromkeys((*one.backends, *one.local))
    )
    turns = _turns(one, one.backends)
    if one.keeps_source:
        external = (
            f"    {family} saddr {pods} goto service-{one.chain}\n"
            "    fib saddr type local jump mark-for-masquerade\n"
            f"    fib saddr type local goto service-{one.chain}\n"
            f"    {_turns(one, one.local)}\n"
        )
    else:
        external = f"    jump mark-for-masquerade\n    goto service-{one.chain}\n"
    outside = f"{family} daddr {one.address} tcp dport {one.port} {family} saddr != {pods}"
    service = f"  chain service-{one.chain} {{\n    {outside} jump mark-for-masquerade\n    {turns}\n  }}\n"
    return f"{endpoints}{service}  chain external-{one.chain} {{\n{external}  }}\n"


def _turns(one: Served, backends: Sequence[tuple[str, int]]) -> str:
    turns = ", ".join(f"{index} : goto {_endpoint(one, *backend)}" for index, backend in enumerate(backends))
    return f"numgen random mod {len(backends)} vmap {{ {turns} }}" if backends else "drop"


def _endpoint(one: Served, address: str, port: int) -> str:
    # As kube-proxy writes it; colons are none of a name's letters.
    return f"endpoint-5OJB2KTY-{one.name}/tcp/http__{address.replace(':', '.')}/{port}"


def _target(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
