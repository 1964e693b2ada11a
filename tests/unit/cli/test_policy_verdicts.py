"""`fairway policy verdicts` as a transcript."""

import json
import sys
from pathlib import Path

import pytest

from fairway.cli.main import main
from support.objects import pod, policy

CASE = {
    "pods": [pod("x/a", "10.0.0.1"), pod("x/b", "10.0.0.2")],
    "policies": [policy("x/p", ingress=[{"ports": [{"port": 80}]}])],
    "probes": [
        {"src": "x/a", "dst": "x/b", "port": 80, "proto": "TCP"},
        {"src": "x/a", "dst": "10.0.0.2", "port": 81},
    ],
}
OPEN = {**CASE, "policies": []}


def lines(*cases: object) -> str:
    return "".join(f"{case if isinstance(case, str) else json.dumps(case)}\n" for case in cases)


def test_a_line_for_each_case(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "cases.jsonl"
    file.write_text(lines(CASE, "", OPEN))
    assert main(["policy", "verdicts", "--cases", str(file)]) == 0
    assert capsys.readouterr().out == "10\n11\n"


def test_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "piped"
    file.write_text(lines(OPEN, CASE))
    with file.open() as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        assert main(["policy", "verdicts", "--posture", "deny"]) == 0
    assert capsys.readouterr().out == "00\n00\n"


def test_the_example_of_the_documentation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = (Path(__file__).parents[3] / "docs" / "policy-verdicts.md").read_text(encoding="utf-8")
    case = json.loads(page.partition("```json\n")[2].partition("```")[0])
    file = tmp_path / "cases.jsonl"
    file.write_text(lines(case))
    assert main(["policy", "verdicts", "--cases", str(file)]) == 0
    assert f"--cases cases.jsonl\n{capsys.readouterr().out}```" in page


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (lines(CASE, "{"), "cases.jsonl:2: Input data was truncated"),
        (lines({**CASE, "probes": [{"src": "x/a"}]}), "cases.jsonl:1: Object missing required field `dst`"),
        (lines({"pods": []}), "cases.jsonl:1: Object missing required field `probes`"),
        ("[" * 100_000, "cases.jsonl:1: "),
        (None, "cases.jsonl: cannot be read: No such file"),
    ],
)
def test_bad_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, said: str) -> None:
    file = tmp_path / "cases.jsonl"
    if content is not None:
        file.write_text(content)
    assert main(["policy", "verdicts", "--cases", str(file)]) == 2
    assert said in capsys.readouterr().err
