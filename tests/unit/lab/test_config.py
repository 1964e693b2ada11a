from pathlib import Path

import pytest

from fairway.kit.errors import UsageError
from fairway.lab.config import LabConfig


@pytest.mark.parametrize(("environment", "name"), [(None, "lab"), ("", "lab"), ("other", "other")])
def test_the_environment_names_the_lab(monkeypatch: pytest.MonkeyPatch, environment: str | None, name: str) -> None:
    monkeypatch.delenv("FAIRWAY_LAB", raising=False)
    if environment is not None:
        monkeypatch.setenv("FAIRWAY_LAB", environment)
    assert LabConfig().name == name
    assert LabConfig().cluster == Path(f"/run/fairway/{name}/cluster")


@pytest.mark.parametrize("name", ["", "Lab", "a-b", "../x", "1a", "a" * 17, "a\n"])
def test_a_name_that_could_be_mistaken_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="lower-case letters and digits"):
        LabConfig(name)
