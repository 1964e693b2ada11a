"""Lines of the log, for people and for programs."""

import json
from datetime import UTC, datetime

import pytest

from fairway.kit.logs import logger


def test_text(capsys: pytest.CaptureFixture[str]) -> None:
    logger("text")("hub: listens on port 1")
    time, _, line = capsys.readouterr().err.partition(" ")
    assert (len(time), line) == (8, "hub: listens on port 1\n")


@pytest.mark.parametrize(
    ("line", "part", "message"),
    [
        ("control: revision 3 for node-a", "control", "revision 3 for node-a"),
        ("no part: it says", "hub", "no part: it says"),
        ("nothing", "hub", "nothing"),
        ('hub: "é"\n', "hub", '"é"\n'),
    ],
)
def test_json(line: str, part: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    logger("json")(line)
    [written] = capsys.readouterr().err.splitlines()
    event = json.loads(written)
    assert (event["part"], event["message"]) == (part, message)
    assert abs((datetime.now(UTC) - datetime.fromisoformat(event["at"])).total_seconds()) < 60
