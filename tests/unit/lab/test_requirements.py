import os
import shutil

import pytest

from fairway.kit.errors import EnvironmentLacksError
from fairway.lab import requirements


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """A machine with everything; tests take programs away."""
    programs = set(requirements.PROGRAMS)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/sbin/{name}" if name in programs else None)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return programs


def test_a_whole_machine_lacks_nothing(machine: set[str]) -> None:
    assert requirements.missing() == []


def test_a_missing_program_is_told_with_its_package(machine: set[str]) -> None:
    machine -= {"nft", "dnsmasq"}
    with pytest.raises(EnvironmentLacksError, match="`nft`, `dnsmasq` not found") as raised:
        requirements.require()
    assert "`apt-get install dnsmasq-base nftables`" in str(raised.value)
    assert raised.value.exit_code == 3


def test_nobody_but_root(machine: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    for ask in (requirements.require, requirements.require_root):
        with pytest.raises(EnvironmentLacksError, match="need root: use `sudo`"):
            ask()
