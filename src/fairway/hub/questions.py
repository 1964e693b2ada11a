"""What the policy engine can be asked over the API. Policies and decisions come as text, YAML or JSON."""

from typing import Annotated, Literal

import msgspec

Text = Annotated[str, msgspec.Meta(max_length=16 << 20)]
Name = Annotated[str, msgspec.Meta(max_length=512)]
Posture = Literal["allow", "deny"]


class _OfFlows(msgspec.Struct, frozen=True, kw_only=True):
    """`since` and `until`, as in filters, choose flows; without them every edge that was ever seen is taken."""

    since: Name = ""
    until: Name = ""
    decisions: Text = ""


class Generate(_OfFlows, frozen=True, kw_only=True, tag="generate", tag_field="verb", forbid_unknown_fields=True):
    """Policies from what was seen. As the options of `fairway policy generate`."""

    direction: Literal["both", "ingress", "egress"] = "both"
    per: Literal["workload", "namespace"] = "workload"
    default_deny: bool = False
    close_silent: bool = False
    numeric_ports: bool = False
    avoid_labels: Annotated[tuple[Name, ...], msgspec.Meta(max_length=100)] = ()
    merge_at: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 4
    merge_length: Annotated[int, msgspec.Meta(ge=8, le=32)] = 24


class Replay(_OfFlows, frozen=True, kw_only=True, tag="replay", tag_field="verb", forbid_unknown_fields=True):
    """Which recorded connections `policies` would deny; without any, the cluster's own. `names` say what domain
    names in them resolve to."""

    policies: Text = ""
    posture: Posture = "allow"
    names: Text = ""


class Coverage(_OfFlows, frozen=True, kw_only=True, tag="coverage", tag_field="verb", forbid_unknown_fields=True):
    """Whether enough was seen to enforce. `interval` in seconds; without `since` the last seven days."""

    threshold: Annotated[int, msgspec.Meta(ge=0, le=100)] | None = None
    interval: Annotated[int, msgspec.Meta(ge=1, le=7 * 86400)] = 3600


class Diff(msgspec.Struct, frozen=True, kw_only=True, tag="diff", tag_field="verb", forbid_unknown_fields=True):
    """Which connections two policy sets judge differently; an empty text is no policy at all."""

    old: Text = ""
    new: Text = ""
    posture: Posture = "allow"
    old_posture: Posture | None = None


class Explain(
    msgspec.Struct, frozen=True, kw_only=True, tag="explain", tag_field="verb", forbid_unknown_fields=True
):
    """Why a connection is allowed or denied: ends as `namespace/pod` or an address, port as `8080` or `53/UDP`."""

    client: Name
    server: Name
    port: Name
    policies: Text = ""
    posture: Posture = "allow"
    names: Text = ""


class Lint(_OfFlows, frozen=True, kw_only=True, tag="lint", tag_field="verb", forbid_unknown_fields=True):
    """What a reviewer would stumble over; with `traffic`, rules are held against what was seen."""

    policies: Text = ""
    posture: Posture = "allow"
    names: Text = ""
    traffic: bool = False
    cni: Literal["", "antrea", "calico", "cilium", "flannel", "kube-router", "ovn-kubernetes", "vpc-cni"] = ""


Question = Generate | Replay | Coverage | Diff | Explain | Lint
