"""Where flow logs of the cloud's network and what was seen at the pods disagree, from records to the table."""

import json
from pathlib import Path

import pytest

from fairway.cli.main import main
from support import records
from support.records import Conn
from support.shop import objects

UI, UI2, ORDERS, DB, INTRUDER, WORLD = (
    *("10.0.1.131", "10.0.2.131", "10.0.1.141", "10.0.1.160", "10.0.2.190"),
    "203.0.113.9",
)
BOTH = Conn(UI, ORDERS, 8080)
AT_PODS = [BOTH, Conn(UI2, DB, 5432, answered=False), Conn(INTRUDER, DB, 5432, denied=True)]
IN_THE_NETWORK = [
    BOTH,
    Conn(UI2, DB, 5432, denied=True),  # a security group
    Conn(WORLD, ORDERS, 22, denied=True),
    Conn(INTRUDER, UI, 8080),  # nobody looks at the intruder's node, nor at this one of ui's
    Conn("10.0.1.10", "10.0.2.10", 10250),  # between nodes: none of the agents' business
]


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """What the cloud's network logged, and what was seen at the pods."""
    cluster = tmp_path / "cluster.json"
    cluster.write_text(json.dumps({"kind": "List", "items": objects()}))
    made = []
    for name, lines in (("network", records.vpc(IN_THE_NETWORK)), ("pods", records.netobserv(AT_PODS))):
        source = records.written(tmp_path / name, lines)
        made.append(str(tmp_path / f"{name}.parquet"))
        assert main(["import", "auto", str(source), "--cluster", str(cluster), "--out", made[-1]]) == 0
    return made[0], made[1]


def test_each_disagreement_is_named_and_nothing_else(
    files: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["planes", *files, "--output", "json"]) == 1
    found = {one["what"]: one for one in json.loads(capsys.readouterr().out)}
    assert {what: (one["client"], one["server"], one["port"]) for what, one in found.items()} == {
        "refused": ("ui/ui", "orders/orders-postgresql", 5432),
        "never came": (WORLD, "orders/orders", 22),
        "unseen": ("dev/intruder", "ui/ui", 8080),
    }
    assert found["unseen"]["nodes"] == ["n1", "n2"]
    assert main(["planes", *files]) == 1
    assert "refused: the agents let it pass, the cloud's network rejected it" in capsys.readouterr().out
    assert main(["planes", *files, "--filter", "dst.port=22"]) == 1
    assert "ui/ui" not in capsys.readouterr().out


def test_where_both_say_the_same_the_answer_is_short(
    files: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["planes", files[1], files[1]]) == 0
    assert capsys.readouterr().out == "the cloud's network and the agents agree\n"
