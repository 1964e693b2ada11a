"""What the lab needs of this machine, asked before anything is made."""

import os
import shutil
from pathlib import Path
from typing import Final

from fairway.kit.errors import EnvironmentLacksError

PROGRAMS: Final = {
    "ip": "iproute2",
    "nft": "nftables",
    "dnsmasq": "dnsmasq-base",
    "nsenter": "util-linux",
    "openssl": "openssl",
    "sleep": "coreutils",
}
"""Each program and its Debian package."""


def missing() -> list[str]:
    """What is lacking, one short sentence each; empty when the lab can be made."""
    lacks = []
    if os.geteuid() != 0:
        lacks.append("network namespaces need root: use `sudo`")
    packages = sorted({package for program, package in PROGRAMS.items() if not shutil.which(program)})
    if packages:
        programs = ", ".join(f"`{p}`" for p in PROGRAMS if not shutil.which(p))
        lacks.append(f"{programs} not found: `apt-get install {' '.join(packages)}`")
    if not Path("/proc/self/ns/net").exists():
        lacks.append("this kernel has no network namespaces (CONFIG_NET_NS)")
    if not Path("/etc/resolv.conf").exists():
        lacks.append("`/etc/resolv.conf` must exist, so that pods can have one of their own: `touch` it")
    return lacks


def require_root() -> None:
    """EnvironmentLacksError for anybody else."""
    if os.geteuid() != 0:
        raise EnvironmentLacksError("network namespaces need root: use `sudo`")


def require() -> None:
    """EnvironmentLacksError, in one line, unless the lab can be made here."""
    if lacks := missing():
        raise EnvironmentLacksError("the lab cannot be made here: " + "; ".join(lacks))
