import os
import shutil
import subprocess

import pytest

from fairway.lab.service_rules import Backend, Frontend, render

UI = Frontend("10.96.0.24", "tcp", 80)
DNS = Frontend("10.96.0.10", "udp", 53)
CATALOG = Frontend("fd00:10:96::20", "tcp", 80)
FULL = {
    UI: [Backend("10.0.1.130", 8080), Backend("10.0.2.130", 8080)],
    DNS: [Backend("10.0.1.128", 53)],
    CATALOG: [Backend("2001:db8:0:1::101", 8080)],
}


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines()]


def test_each_family_has_its_own_table_with_its_own_services() -> None:
    v4, v6 = render(FULL).split("add table ip6 ")
    assert "10.96.0.24 . tcp . 80 : goto service-0, 10.96.0.10 . udp . 53 : goto service-1" in v4
    assert "fd00:10:96::20" not in v4
    assert "fd00:10:96::20 . tcp . 80 : goto service-0" in v6
    assert "10.96" not in v6


def test_backends_are_chosen_at_random_and_dialled_at_their_own_port() -> None:
    text = lines(render(FULL))
    assert "numgen random mod 2 vmap { 0 : goto endpoint-0-0, 1 : goto endpoint-0-1 }" in text
    assert "meta l4proto tcp dnat to 10.0.2.130:8080" in text
    assert "meta l4proto udp dnat to 10.0.1.128:53" in text
    assert "meta l4proto tcp dnat to [2001:db8:0:1::101]:8080" in text


def test_a_pod_that_reaches_itself_is_masqueraded() -> None:
    text = render({UI: [Backend("10.0.1.130", 8080)]})
    assert "ip saddr . ip daddr { 10.0.1.130 . 10.0.1.130 } masquerade" in text


def test_a_service_without_backends_is_left_to_the_reject() -> None:
    text = render({UI: [], DNS: [Backend("10.0.1.128", 53)]})
    assert "10.96.0.24" not in text
    assert "ip daddr 10.96.0.0/16 reject" in lines(text)
    assert "ip6 daddr fd00:10:96::/112 reject" in lines(text)


@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("nft"), reason="needs root and nft (Debian package nftables)"
)
@pytest.mark.parametrize("services", [FULL, {}, {UI: []}], ids=["full", "none", "unready"])
def test_nft_accepts_the_transaction(services: dict[Frontend, list[Backend]]) -> None:
    done = subprocess.run(
        ["unshare", "--net", "nft", "-c", "-f", "-"],
        input=render(services),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
