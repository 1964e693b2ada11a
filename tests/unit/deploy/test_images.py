"""What the images are made of, as far as it can be told without building them (`scripts/prove-images` does)."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
IMAGES = ROOT / "deploy/images"


def pinned(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==([^ \\;]+)", lock.read_text(), re.MULTILINE))


@pytest.mark.parametrize("part", ["agent", "hub"])
def test_packages_are_those_of_the_tests_and_held_by_hash(part: str) -> None:
    lock = IMAGES / f"{part}.lock"
    tested = pinned(ROOT / "requirements.lock")
    assert pinned(lock).items() <= tested.items()
    entries = re.split(r"\n(?=\S)", lock.read_text().strip())
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in lock.read_text()


def test_each_image_has_what_its_part_needs_and_no_more() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    light = {re.split(r"[>=<]", entry)[0] for entry in project["dependencies"]}
    heavy = {re.split(r"[>=<]", entry)[0] for entry in project["optional-dependencies"]["hub"]}
    assert set(pinned(IMAGES / "agent.lock")) == light
    assert light | heavy <= set(pinned(IMAGES / "hub.lock"))


@pytest.mark.parametrize("part", ["agent", "hub"])
def test_a_containerfile_names_what_is_there_and_no_registry(part: str) -> None:
    text = (IMAGES / f"{part}.Containerfile").read_text()
    assert "ARG BASE=debian:bookworm-slim" in text
    for path in re.findall(r"deploy/images/[a-z.A-Z]+", text):
        assert (ROOT / path).exists(), path
    labels = re.findall(r"org\.opencontainers\.image\.([a-z]+)=", text)
    assert set(labels) == {"title", "description", "licenses", "version"}
    assert ("USER 65532:65532" in text) is (part == "hub")
