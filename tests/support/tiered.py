"""Cluster-wide policies in few words, for tests."""

from typing import Any

Object = dict[str, Any]
GROUP = "policy.networking.k8s.io"


def cnp(name: str = "p", *, tier: str = "Admin", priority: int = 10, subject: Object | None = None,
        **rules: Any) -> Object:  # fmt: skip
    """ClusterNetworkPolicy (v1alpha2) on every pod, unless `subject` says else."""
    spec = {"tier": tier, "priority": priority, "subject": subject or {"namespaces": {}}, **rules}
    return _object(f"{GROUP}/v1alpha2", "ClusterNetworkPolicy", name, spec)


def aws(name: str = "p", *, tier: str = "Admin", priority: int = 10, subject: Object | None = None,
        **rules: Any) -> Object:  # fmt: skip
    """The AWS group's ClusterNetworkPolicy."""
    spec = {"tier": tier, "priority": priority, "subject": subject or {"namespaces": {}}, **rules}
    return _object("networking.k8s.aws/v1alpha1", "ClusterNetworkPolicy", name, spec)


def anp(name: str = "p", *, priority: int = 10, subject: Object | None = None, **rules: Any) -> Object:
    """AdminNetworkPolicy (v1alpha1)."""
    spec = {"priority": priority, "subject": subject or {"namespaces": {}}, **rules}
    return _object(f"{GROUP}/v1alpha1", "AdminNetworkPolicy", name, spec)


def banp(name: str = "default", *, subject: Object | None = None, **rules: Any) -> Object:
    """BaselineAdminNetworkPolicy (v1alpha1)."""
    return _object(
        f"{GROUP}/v1alpha1", "BaselineAdminNetworkPolicy", name, {"subject": subject or {"namespaces": {}}, **rules}
    )


def application(title: str, **spec: Any) -> Object:
    """The AWS group's ApplicationNetworkPolicy `namespace/name`."""
    home, _, name = title.partition("/")
    made = _object("networking.k8s.aws/v1alpha1", "ApplicationNetworkPolicy", name, {"podSelector": {}, **spec})
    made["metadata"]["namespace"] = home
    return made


def _object(version: str, kind: str, name: str, spec: Object) -> Object:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}


def to(action: str, *peers: Object, **more: Any) -> Object:
    """An egress rule; without peers, to all pods."""
    return {"action": action, "to": list(peers) or [{"namespaces": {}}], **more}


def by(action: str, *peers: Object, **more: Any) -> Object:
    """An ingress rule; without peers, from all pods."""
    return {"action": action, "from": list(peers) or [{"namespaces": {}}], **more}


def team(name: str) -> Object:
    """Namespaces of a team, as a peer or subject."""
    return {"namespaces": {"matchLabels": {"team": name}}}


def app(name: str) -> Object:
    """Pods of an app in any namespace, as a peer or subject."""
    return {"pods": {"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": name}}}}


def nets(*networks: str) -> Object:
    return {"networks": list(networks)}


def named(*domains: str) -> Object:
    return {"domainNames": list(domains)}


def tcp(number: int, end: int | None = None) -> Object:
    """`protocols` of v1alpha2."""
    port: Object = {"number": number} if end is None else {"range": {"start": number, "end": end}}
    return {"tcp": {"destinationPort": port}}
