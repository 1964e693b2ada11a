"""What is built is what the hub says and what the wheel has."""

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from fairway.hub.api.console import BUILT, read_console

ROOT = Path(__file__).parents[2]


def test_types_are_what_the_hub_says() -> None:
    checked = subprocess.run(
        [sys.executable, ROOT / "scripts" / "console-types", "--check"], capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stdout) == (0, ""), checked.stderr


def test_the_first_load_is_small() -> None:
    console = read_console()
    packed = {name: len(asset.packed or asset.content) for name, asset in console.items()}
    assert sum(packed.values()) < 500 << 10, packed
    for name, asset in console.items():
        assert asset.lasting == name.startswith("assets/")
    document = console["index.html"].content.decode()
    assert "<style" not in document
    assert "http" not in document
    # Nothing but what the hub itself serves.
    assert document.count("<script") == document.count('src="/assets/')


def test_the_wheel_has_it(tmp_path: Path) -> None:
    uv = Path(sys.executable).with_name("uv")
    if not uv.exists():
        pytest.fail("uv is missing; make setup")
    subprocess.run([uv, "build", "--wheel", "--quiet", "--out-dir", tmp_path, ROOT], check=True)
    wheel = next(tmp_path.glob("*.whl"))
    venv.create(tmp_path / "clean")
    python = tmp_path / "clean" / "bin" / "python"
    subprocess.run([uv, "pip", "install", "--quiet", "--no-deps", "--python", python, wheel], check=True)
    installed = next((tmp_path / "clean").rglob("fairway/hub/console"))
    files = {path.relative_to(BUILT) for path in BUILT.rglob("*") if path.is_file()}
    assert {path.relative_to(installed) for path in installed.rglob("*") if path.is_file()} == files
    with zipfile.ZipFile(wheel) as packed:
        assert not [name for name in packed.namelist() if "node_modules" in name]
