"""How a node translates Services, as its own tables show it, made as kube-proxy of each mode makes them."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from fairway.agent.kernel import Kernel
from fairway.agent.translation import seen
from support.net import Host, ip, net

NOBODY = 1
"""A port where nobody says anything."""


@pytest.fixture
def node(kernel: Kernel) -> Iterator[Host]:
    with net(pods=0) as made:
        yield made.node


def looks(node: Host, port: int = NOBODY) -> str:
    found: list[str] = []
    node.inside(lambda: found.append(seen(port)))
    return found[0]


@contextmanager
def kube_proxy_says(node: Host, words: str) -> Iterator[int]:
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/proxyMode" else 404)
            self.end_headers()
            self.wfile.write(words.encode())

        def log_message(self, *_: object) -> None:
            return

    made: list[http.server.HTTPServer] = []
    node.inside(lambda: made.append(http.server.HTTPServer(("127.0.0.1", 0), Answer)))
    [server] = made
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_each_mode_is_told_by_what_it_leaves_on_the_node(node: Host) -> None:
    assert looks(node) == "none"
    for words, told in (("nftables", "nftables"), ("iptables", "iptables"), ("I am a teapot", "none")):
        with kube_proxy_says(node, words) as port:
            assert looks(node, port) == told
    node.run("nft", "add table ip6 nat; add chain ip6 nat PREROUTING")
    assert looks(node) == "none", "somebody's rules, not kube-proxy's"
    node.run("nft", "add chain ip6 nat KUBE-SERVICES")
    assert looks(node) == "iptables"
    node.run("nft", "add table ip kube-proxy")
    with kube_proxy_says(node, "iptables") as port:
        assert looks(node, port) == "nftables", "what is seen goes before what is said"
    # kube-proxy's is of type `dummy`, which not every kernel has.
    ip("link add kube-ipvs0 type veth peer name other", namespace=node.namespace)
    assert looks(node) == "nftables+ipvs", "what a mode before left behind"
    node.run("nft", "delete table ip kube-proxy")
    assert looks(node) == "ipvs"
