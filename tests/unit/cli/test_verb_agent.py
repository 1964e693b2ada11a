"""`fairway agent --check` and `--dump`: settings from file, environment and flags, looked at without a start."""

from pathlib import Path

import pytest
import yaml

from fairway.cli.main import main


def write(folder: Path, text: str) -> str:
    (folder / "agent.yaml").write_text(text)
    return str(folder / "agent.yaml")


def test_dump_prints_what_holds_and_check_looks_into_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("t")
    config = write(
        tmp_path, f"node: a\nspool: {tmp_path}\nhub: https://hub\ntoken-file: {tmp_path}/token\ntop: 7\n"
    )
    monkeypatch.setenv("FAIRWAY_AGENT_INTERVAL", "30")
    assert main(["agent", "--config", config, "--dump", "--check", "--rank", "packets"]) == 0
    out, error = capsys.readouterr()
    settings = yaml.safe_load(out)
    assert (settings["top"], settings["interval"], settings["rank"]) == (7, 30.0, "packets")
    assert "interval: 30.0  # FAIRWAY_AGENT_INTERVAL\n" in out
    assert error == "fairway agent: the settings are right\n"
    assert main(["agent", "--config", write(tmp_path, out), "--check"]) == 0, "a dump is a file of settings"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("node: a\nspool: s\ntpo: 5", "agent.yaml: tpo: unknown setting; did you mean `top`?"),
        ("node: a\nspool: s\ntop: -1", "agent.yaml: top: `-1`: expected `int` >= 0"),
        ("node: a\nspool: s\n---\nnode: b", "agent.yaml: holds 2 documents; settings are one"),
        ("node: [a", "agent.yaml:2: is not YAML: "),
        ("", "`node` is missing: give --node, FAIRWAY_AGENT_NODE or `node` in the file"),
        (
            "node: a\nspool: s\nhub: https://h\ntoken-file: /nowhere",
            "`token-file`: /nowhere: No such file or directory",
        ),
        ("node: a\nspool: s\nhub: https://h\ntoken-file: /dev/null", "`token-file`: /dev/null is empty"),
    ],
)
def test_a_mistake_is_one_line(text: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["agent", "--config", write(tmp_path, text), "--check"]) == 2
    out, error = capsys.readouterr()
    assert told in error
    assert out == ""
    assert all(line.startswith(("fairway: ", "`")) for line in error.splitlines())
