"""The agent's settings. One name each for file, environment and flag: see `fairway.kit.settings`."""

import ipaddress
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from fairway.agent.attach import Hook
from fairway.kit.anywhere import anywhere
from fairway.kit.otlp import problem as collector_problem

ENVIRONMENT: Final = "FAIRWAY_AGENT_"
FIXED: Final = ("node", "spool", "pins", "hook", "keep_open", "stdout")
"""What a running agent does not change; the others it takes over at SIGHUP."""


class Rank(StrEnum):
    """By what conversations are ranked, over an interval, both ways added."""

    BYTES = "bytes"
    PACKETS = "packets"
    RETRANSMISSIONS = "retransmissions"


class Compat(StrEnum):
    """Metrics under another agent's names, beside ours."""

    NONE = "none"
    AWS = "aws"


class Config(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """Everything an agent can be told before it starts."""

    node: Annotated[str, Meta(description="this node's name, as in the cluster", max_length=253)] = ""
    hub: Annotated[str, Meta(description="the hub's URL: batches go there, rules come from there")] = ""
    token_file: Annotated[
        Path | None, Meta(description="file with the hub's bearer token, read anew each time")
    ] = None
    ca_file: Annotated[
        Path | None, Meta(description="certificates to trust the hub by; without it the system's")
    ] = None
    timeout: Annotated[float, Meta(description="seconds to wait for the hub", ge=0.1, le=300)] = 10.0
    control: Annotated[
        Path | None, Meta(description="file with this node's pods and rules, in place of the hub's")
    ] = None
    spool: Annotated[Path | None, Meta(description="folder that batches wait in")] = None
    spool_mib: Annotated[int, Meta(description="MiB that may wait; then the oldest go", ge=1, le=1 << 20)] = 256
    pins: Annotated[
        Path | None, Meta(description="folder on a BPF file system; without it nothing outlives the agent")
    ] = None
    resolvers: Annotated[
        str,
        Meta(description="DNS servers whose answers are believed beside the cluster's own: addresses, with commas"),
    ] = ""
    interval: Annotated[float, Meta(description="seconds between reports", ge=0.2, le=300)] = 10.0
    top: Annotated[int, Meta(description="conversations told one by one, 0 to 65536", ge=0, le=65536)] = 500
    rank: Annotated[
        Rank, Meta(description="which are told: those with the most bytes, packets or retransmissions")
    ] = Rank.BYTES
    hook: Annotated[Hook, Meta(description="how to attach: auto, tcx or clsact")] = Hook.AUTO
    keep_open: Annotated[bool, Meta(description="a change of rules leaves connections alone that are open")] = False
    detach: Annotated[bool, Meta(description="on exit take everything off: enforcement ends")] = False
    stdout: Annotated[bool, Meta(description="print flows as JSON lines, in place of a spool")] = False
    metrics: Annotated[str, Meta(description="address:port to serve OpenMetrics on; none without it")] = ""
    metrics_cert: Annotated[Path | None, Meta(description="certificate of the metrics port, for TLS")] = None
    metrics_key: Annotated[Path | None, Meta(description="its key; by default in the same file")] = None
    metrics_token_file: Annotated[Path | None, Meta(description="file with the token that scrapers must send")] = (
        None
    )
    metrics_pods: Annotated[int, Meta(description="pods with metrics of their own, at most", ge=0, le=4096)] = 1000
    otlp: Annotated[str, Meta(description="also push metrics to this OpenTelemetry collector (HTTP)")] = ""
    compat: Annotated[Compat, Meta(description="also metrics under another agent's names: none or aws")] = (
        Compat.NONE
    )
    compat_window: Annotated[float, Meta(description="seconds that their figures are of", ge=1, le=3600)] = 30.0
    instance_id: Annotated[str, Meta(description="label of --compat aws; by default the machine's own")] = ""

    def believed(self) -> tuple[str, ...]:
        """The addresses in `resolvers`. ValueError if one of them is none."""
        return tuple(str(ipaddress.ip_address(part.strip())) for part in self.resolvers.split(",") if part.strip())

    def problems(self) -> list[str]:
        """What does not fit together, one line each; nothing of what is in files."""
        found = []
        if not self.node:
            found.append("`node` is missing: give --node, FAIRWAY_AGENT_NODE or `node` in the file")
        if self.spool is None and not self.stdout:
            found.append("`spool` is missing: a folder where batches wait; or --stdout to print them")
        if self.pins is not None and self.control is None and not self.hub:
            found.append(
                "`pins` is of no use without `hub` or `control`: nobody gives rules that could outlive the agent"
            )
        if self.hub and self.stdout:
            found.append("`hub` and `stdout` exclude each other: batches go to one place")
        if self.hub:
            found += _hub_problems(self.hub, self.token_file)
        if self.metrics and listen_address(self.metrics) is None:
            found.append(f"`metrics`: `{self.metrics}` is no address:port, as in 0.0.0.0:9410 or [::]:9410")
        if self.otlp and (wrong := collector_problem(self.otlp)):
            found.append(f"`otlp`: {wrong}")
        if self.metrics_key is not None and self.metrics_cert is None:
            found.append("`metrics-key` is of no use without `metrics-cert`")
        try:
            self.believed()
        except ValueError:
            found.append(f"`resolvers`: `{self.resolvers}` are no addresses such as 169.254.20.10,fd00::10")
        return found


def listen_address(given: str) -> tuple[str, int] | None:
    """Address and port out of `0.0.0.0:9410`, `[::]:9410` or `:9410` (all addresses); None if it is neither."""
    host, _, port = given.rpartition(":")
    host = (host.removeprefix("[").removesuffix("]") if host.startswith("[") else host) or anywhere()
    try:
        ipaddress.ip_address(host)
        return (host, int(port)) if len(port) <= 5 and 0 <= int(port) <= 65535 else None
    except ValueError:
        return None


def _hub_problems(hub: str, token_file: Path | None) -> list[str]:
    try:
        parts = urlsplit(hub)
        host, scheme = parts.hostname, parts.scheme
        _ = parts.port
    except ValueError:
        host, scheme = None, ""
    if not host or scheme not in ("https", "http") or parts.query or parts.fragment or parts.username:
        return [f"`hub`: `{hub}` is no URL such as https://fairway-hub.fairway.svc:8443"]
    if scheme == "http" and not _loopback(host):
        return [f"`hub`: `{hub}` would send the token in the clear; use https://"]
    return [] if token_file is not None else ["`hub` needs `token-file`: the file with its bearer token"]


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
