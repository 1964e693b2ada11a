import shutil
import subprocess

import pytest

from fairway.lab import names


def test_catalog_has_no_ipv4_record() -> None:
    records = [a for a in names.cluster_dns() if a.startswith("--host-record=catalog.catalog.")]
    assert records == ["--host-record=catalog.catalog.svc.cluster.local,fd00:10:96::20"]


def test_cluster_names_are_never_asked_for_elsewhere() -> None:
    assert "--local=/cluster.local/" in names.cluster_dns()
    assert [a for a in names.cluster_dns() if a.startswith("--server=")] == [
        "--server=10.0.0.2",
        "--server=2001:db8::2",
    ]


def test_the_resolver_forwards_nothing() -> None:
    command = names.vpc_resolver()
    assert "--no-resolv" in command
    assert "--address=/#/" in command
    assert not [a for a in command if a.startswith("--server")]
    assert "--host-record=erp.corp.example,198.18.128.10" in command


@pytest.mark.skipif(not shutil.which("dnsmasq"), reason="dnsmasq (Debian package dnsmasq-base) is not installed")
@pytest.mark.parametrize("command", [names.cluster_dns(), names.vpc_resolver()], ids=["cluster", "resolver"])
def test_dnsmasq_accepts_it(command: list[str]) -> None:
    done = subprocess.run([*command, "--test"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_search_list() -> None:
    assert names.search("ui") == "ui.svc.cluster.local svc.cluster.local cluster.local"
