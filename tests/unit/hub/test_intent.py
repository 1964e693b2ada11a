"""What people want, kept in a file."""

from pathlib import Path

import pytest

from fairway.hub.intent import Intent, PolicyChoice, read_intent, write_intent
from fairway.hub.state import State
from fairway.kit.errors import UsageError
from fairway.wire.words import Mode, Posture


def test_round_trip(tmp_path: Path) -> None:
    state = State(tmp_path)
    assert read_intent(state) == Intent()
    intent = Intent(
        active=PolicyChoice(policies="/p", posture=Posture.DENY, nodes=("a",), mode="audit"), staged=PolicyChoice()
    )
    write_intent(state, intent)
    assert read_intent(state) == intent


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "truncated"),
        ('{"active": {"mode": "kill"}}', r"\$.active.mode"),
        ('{"active": {"posture": "closed"}}', r"\$.active.posture"),
        ('{"enforced": {}}', "unknown field `enforced`"),
        ('{"active": {"nodes": "a"}}', r"\$.active.nodes"),
    ],
)
def test_malformed(tmp_path: Path, content: str, said: str) -> None:
    State(tmp_path).intent.write_text(content)
    with pytest.raises(UsageError, match=said):
        read_intent(State(tmp_path))


@pytest.mark.parametrize(
    ("choice", "mode"),
    [
        (PolicyChoice(), Mode.ENFORCE),
        (PolicyChoice(mode="audit"), Mode.AUDIT),
        (PolicyChoice(nodes=("a", "b")), Mode.ENFORCE),
        (PolicyChoice(nodes=("b",)), Mode.OFF),
        (PolicyChoice(nodes=("b",), mode="audit"), Mode.OFF),
        (PolicyChoice(nodes=()), Mode.OFF),
    ],
)
def test_mode_on_a_node(choice: PolicyChoice, mode: Mode) -> None:
    assert choice.mode_on("a") is mode
