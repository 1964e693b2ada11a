"""A node whose pods are behind a bridge, as Flannel and the bridge plugin make it."""

from support.net import Host, ip

GATEWAY, GATEWAY6 = "10.244.0.1", "fd00:244::1"
V4 = ("10.244.0.2", "10.244.0.3", "10.244.0.4")
V6 = tuple(f"fd00:244::{2 + number}" for number in range(3))


def bridge(node: Host, *pods: Host) -> None:
    """What CNI's bridge plugin does: `cni0` has the gateway's address, each pod a veth whose host end is a port."""
    ip(
        "link add cni0 type bridge",
        f"addr add {GATEWAY}/24 dev cni0",
        f"addr add {GATEWAY6}/64 dev cni0 nodad",
        "link set cni0 up",
        namespace=node.namespace,
    )
    for number, pod in enumerate(pods):
        plug(node, pod, number)


def plug(node: Host, pod: Host, number: int) -> None:
    """One pod more, by its place in `V4`."""
    ip(f"link add eth0 netns {pod.namespace} type veth peer name veth{number} netns {node.namespace}")
    ip(
        f"link set veth{number} up",
        f"link set veth{number} master cni0",
        f"link set veth{number} type bridge_slave hairpin on",
        namespace=node.namespace,
    )
    ip(
        "link set lo up",
        f"addr add {V4[number]}/24 dev eth0",
        f"addr add {V6[number]}/64 dev eth0 nodad",
        "link set eth0 up",
        f"route add default via {GATEWAY}",
        f"route add default via {GATEWAY6}",
        namespace=pod.namespace,
    )
