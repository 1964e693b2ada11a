"""What kube-proxy is told by its ConfigMap: of kubeadm and of EKS. Whoever asks needs the right to read it; the hub
has none, and does not ask.

k8s.io/kube-proxy/config/v1alpha1, KubeProxyConfiguration.
"""

from collections.abc import Mapping
from typing import Any, Final

import yaml

from fairway.kit.errors import UsageError
from fairway.kube.api import Api
from fairway.kube.resources import object_path

_PLACES: Final = (("kube-proxy", "config.conf"), ("kube-proxy-config", "config"))
"""Names of ConfigMaps in kube-system, and their keys."""
_USUAL: Final = "iptables"
"""Where the mode is left open, on Linux."""


def configured_mode(api: Api) -> str:
    """The mode; empty if there is no such ConfigMap, if it may not be read, or if it makes no sense."""
    for name, key in _PLACES:
        try:
            found = api.find(object_path("v1", "configmaps", "kube-system", name))
        except UsageError:
            continue
        text = (found or {}).get("data", {}).get(key)
        if isinstance(text, str) and (mode := _mode(text)):
            return mode
    return ""


def _mode(text: str) -> str:
    try:
        value: Any = yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError:
        return ""
    if not isinstance(value, Mapping) or value.get("kind") != "KubeProxyConfiguration":
        return ""
    mode = value.get("mode") or _USUAL
    return mode if isinstance(mode, str) and mode.isascii() and mode.isalpha() else ""
