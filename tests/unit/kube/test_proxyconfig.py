"""kube-proxy's mode by its ConfigMap, as kubeadm and EKS write it."""

import pytest

from fairway.kube.api import Api
from fairway.kube.proxyconfig import configured_mode
from support.apiserver import api_server

OURS = "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n"


@pytest.mark.parametrize(
    ("name", "key", "text", "mode"),
    [
        ("kube-proxy", "config.conf", OURS + "mode: nftables\n", "nftables"),
        ("kube-proxy", "config.conf", OURS + 'mode: ""\n', "iptables"),
        ("kube-proxy-config", "config", OURS + "mode: ipvs\n", "ipvs"),
        ("kube-proxy", "config.conf", "kind: Other\nmode: ipvs\n", ""),
        ("kube-proxy", "config.conf", OURS + "mode: [1]\n", ""),
        ("kube-proxy", "config.conf", "{", ""),
        ("kube-proxy", "kubeconfig.conf", OURS, ""),
    ],
)
def test_the_mode_is_the_config_maps(name: str, key: str, text: str, mode: str) -> None:
    with api_server() as server, Api(server.access) as api:
        server.put("configmaps", {"metadata": {"name": name, "namespace": "kube-system"}, "data": {key: text}})
        assert configured_mode(api) == mode
        server.forbidden.add("configmaps")
        assert configured_mode(api) == ""
