from collections import Counter
from itertools import pairwise

from fairway.lab import shop, topology


def test_replicas_never_share_a_zone() -> None:
    for workload in shop.WORKLOADS:
        nodes = [pod.node for pod in shop.pods() if pod.workload == workload]
        assert len(nodes) == workload.replicas == len(set(nodes))


def test_nodes_carry_about_the_same() -> None:
    counts = Counter(pod.node for pod in shop.pods())
    assert set(counts) == set(topology.ZONES)
    assert max(counts.values()) - min(counts.values()) <= 1


def test_names_and_addresses_are_unique_and_always_the_same() -> None:
    placed = shop.pods()
    assert placed == shop.pods()
    assert len({pod.title for pod in placed}) == len(placed) == 17
    assert len({address for pod in placed for address in pod.addresses}) == 2 * len(placed)
    assert len({pod.attachment("x").interface for pod in placed}) == len(placed)


def test_services_have_addresses_of_their_own() -> None:
    addresses = [a for w in shop.services().values() if w.service for a in w.service.addresses.values()]
    assert len(addresses) == len(set(addresses))
    dns = shop.services()["kube-system", "kube-dns"].service
    assert dns
    assert tuple(dns.addresses.values()) == topology.CLUSTER_DNS


def test_catalog_can_only_be_reached_over_ipv6() -> None:
    catalog = shop.services()["catalog", "catalog"].service
    assert catalog
    assert list(catalog.addresses) == ["IPv6"]


def test_ui_declares_orders_as_a_peer() -> None:
    ui = next(w for w in shop.WORKLOADS if w.name == "ui")
    assert ui.env["ENDPOINTS_ORDERS"] == "http://orders.orders"


def test_every_target_port_is_a_container_port() -> None:
    for workload in shop.services().values():
        names = {port.name for port in workload.ports}
        assert workload.service
        assert {target for _, _, target, _ in workload.service.ports} <= names


def test_generated_letters_are_kubernetes_own_alphabet() -> None:
    letters = shop.generated_letters("seed", 10)
    assert len(letters) == 10
    assert not set(letters) & set("aeiou013")
    assert all(a != b for a, b in pairwise(shop.generated_letters(str(n), 8) for n in range(50)))
