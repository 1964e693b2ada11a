"""The lab's DNS: what dnsmasq is told, in the cluster's DNS pods and in the VPC's resolver. Pure."""

from typing import Final

from fairway.lab import topology
from fairway.lab.shop import EXTERNAL_NAMES, services

_COMMON: Final = (
    "dnsmasq",
    "--keep-in-foreground",
    "--conf-file=/dev/null",
    "--log-facility=-",
    "--no-resolv",
    "--no-hosts",
    "--user=root",
    "--group=root",
    "--pid-file=",
)


def cluster_dns() -> list[str]:
    """A DNS pod's command: Services below svc.cluster.local, everything else to the VPC's resolver."""
    records = [
        f"--host-record={name}.{namespace}.svc.{topology.CLUSTER_DOMAIN},{','.join(spec.addresses.values())}"
        for (namespace, name), workload in services().items()
        if (spec := workload.service)
    ]
    forward = [f"--server={address}" for address in topology.VPC_RESOLVER]
    return [*_COMMON, f"--local=/{topology.CLUSTER_DOMAIN}/", *forward, *records]


def vpc_resolver() -> list[str]:
    """The resolver's command: the names outside the cluster; any other name does not exist."""
    records = [
        f"--host-record={name},{address}" for name, addresses in EXTERNAL_NAMES.items() for address in addresses
    ]
    return [*_COMMON, "--address=/#/", *records]


def search(namespace: str) -> str:
    """The search list of a pod's resolv.conf."""
    domain = topology.CLUSTER_DOMAIN
    return f"{namespace}.svc.{domain} svc.{domain} {domain}"
