"""Loading the object and its tables: what is read is what was written; what is lacking is one line."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fairway.agent import kernel as kernels
from fairway.agent.bpffs import ROOT
from fairway.agent.kernel import COUNTERS, TABLES, Kernel, record
from fairway.agent.libbpf import BPFError
from fairway.cli.main import main
from fairway.kit.errors import EnvironmentLacksError

AGENT = ("agent", "--node", "a", "--control", "nowhere.json", "--spool", "nowhere")
NOBODY = (
    *("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"),
    *("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"),  # to read this checkout, wherever it is
)


@pytest.fixture
def pins() -> Iterator[Path]:
    folder = ROOT / f"fairway-test-kernel-{os.getpid()}"
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("count", [0, 1, 8191, 8192, 8193, 20000])
def test_a_table_is_read_whole(kernel: Kernel, count: int) -> None:
    table = kernel.tables["flows"]
    keys, values = np.zeros(count, table.key), np.zeros(count, table.value)
    keys["ifindex"], values["tx_bytes"] = np.arange(count), np.arange(count) * 7
    table.write(keys, values)
    got, told = table.read()
    assert sorted(got["ifindex"].tolist()) == list(range(count))
    assert np.array_equal(told["tx_bytes"], got["ifindex"].astype("u8") * 7)


def test_a_full_table_is_read_whole() -> None:
    kernel = Kernel(sizes={"addresses": 512})
    table = kernel.tables["addresses"]
    keys, values = np.zeros(512, table.key), np.zeros(512, table.value)
    keys["generation"] = np.arange(512)
    table.write(keys, values)
    assert sorted(table.read()[0]["generation"].tolist()) == list(range(512))
    with pytest.raises(BPFError, match=r"cannot write to table `addresses` of 512 entries: .*; the table is full"):
        table.write(record(table.key, 512, 4, b""), values[:1])
    kernel.close()


def test_single_entries(kernel: Kernel) -> None:
    table = kernel.tables["pods"]
    one, other = record(table.key, 1), record(table.key, 2)
    value = np.zeros(1, table.value)
    value["generation"] = 9
    assert table.get(one) is None
    table.set(one, value)
    found = table.get(one)
    assert found is not None
    assert found["generation"].tolist() == [9]
    assert table.get(other) is None
    assert (table.delete(one), table.delete(one)) == (True, False)


@pytest.mark.every_kernel
@pytest.mark.parametrize("name", ["rules", "networks", "addresses"])
def test_keys_of_tables_that_some_kernels_do_not_read_in_batches(kernel: Kernel, name: str) -> None:
    table, keys = kernel.tables[name], np.zeros(100, kernel.tables[name].key)
    words = keys.view("u4").reshape(100, -1)
    words[:, 0], words[:, 1] = 64, np.arange(100)  # of a trie: the prefix, and its first word
    table.write(keys, np.zeros(100, table.value))
    found = table.keys()
    assert sorted(map(bytes, found)) == sorted(map(bytes, keys))
    table.remove(keys[:60].copy())
    assert len(table.keys()) == 40


@pytest.mark.every_kernel
def test_layouts_are_as_large_as_the_kernel_says(kernel: Kernel) -> None:
    """From BTF here, from the loaded maps there: a look-up with a wrong size would write past the end."""
    for name in TABLES:
        table = kernel.tables[name]
        told = Path(f"/proc/self/fdinfo/{table.fd}").read_text()
        sizes = dict(line.split(":\t") for line in told.splitlines() if line.startswith(("key_size", "value_size")))
        assert (table.key.itemsize, table.value.itemsize) == (int(sizes["key_size"]), int(sizes["value_size"])), (
            name
        )


@pytest.mark.every_kernel
def test_counters_are_as_many_as_the_kernel_has(kernel: Kernel) -> None:
    assert kernel.counters() == dict.fromkeys(COUNTERS, 0)
    told = Path(f"/proc/self/fdinfo/{kernel.fds['counters']}").read_text()
    assert f"max_entries:\t{len(COUNTERS)}\n" in told


@pytest.mark.every_kernel
def test_tables_that_are_pinned_outlive_their_kernel_object(pins: Path) -> None:
    first = Kernel(pins)
    table = first.tables["pods"]
    table.set(record(table.key, 7), np.zeros(1, table.value))
    first.close()
    for sizes, expected in ((None, [7]), ({"pods": 8}, [])):
        again = Kernel(pins, sizes)
        assert again.tables["pods"].read()[0].tolist() == expected, "another size is another table"
        again.close()
    assert len(list(pins.iterdir())) == 2


def test_without_pins_nothing_is_left(kernel: Kernel) -> None:
    before = {path.name for path in ROOT.iterdir()} if ROOT.is_dir() else set()
    Kernel().close()
    assert ({path.name for path in ROOT.iterdir()} if ROOT.is_dir() else set()) == before


def test_pins_elsewhere_than_on_a_bpf_file_system(kernel: Kernel, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentLacksError, match=r"is not on a BPF file system; mount -t bpf bpf /sys/fs/bpf"):
        Kernel(tmp_path)


def test_a_program_that_is_not_there(kernel: Kernel) -> None:
    with pytest.raises(BPFError, match="no program `nonsense`"):
        kernel.program("nonsense")


def test_an_object_that_is_not_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(kernels, "OBJECT", tmp_path / "fairway.bpf.o")
    assert main(list(AGENT)) == 3
    assert capsys.readouterr().err == "fairway: the BPF object fairway.bpf.o is not built; run `make bpf`\n"


@pytest.mark.parametrize("content", [b"", b"no ELF", b"\x7fELF" + bytes(100)])
def test_an_object_that_is_none(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(kernels, "OBJECT", tmp_path / "fairway.bpf.o")
    (tmp_path / "fairway.bpf.o").write_bytes(content)
    assert main(list(AGENT)) == 3
    told = capfd.readouterr().err  # libbpf writes to the descriptor itself
    assert told.startswith("fairway: cannot open the BPF programs")
    assert told.count("\n") == 1


@pytest.mark.parametrize("pinned", [False, True])
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: to become nobody")
def test_a_user_without_permission(pinned: bool, pins: Path, tmp_path: Path) -> None:
    command = [*NOBODY, sys.executable, "-m", "fairway.cli.main", *AGENT]
    command += ["--pins", str(pins)] if pinned else []
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("fairway: cannot ")
    assert "run as root" in done.stderr
    assert done.stderr.count("\n") == 1
