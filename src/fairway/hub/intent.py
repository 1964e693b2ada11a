"""Intent: which policies people want in force and on trial. The hub makes rule tables of it."""

from typing import Literal

import msgspec

from fairway.hub.state import State
from fairway.kit.errors import UsageError
from fairway.kit.files import write_atomically
from fairway.wire.words import Mode, Posture


class PolicyChoice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A policy set and where it holds.

    `policies` is a file or folder of NetworkPolicies, None for none at all; `nodes` None means all nodes.
    For a set on trial `nodes` and `mode` mean nothing: it is judged everywhere and never obeyed.
    """

    policies: str | None = None
    posture: Posture = Posture.ALLOW
    nodes: tuple[str, ...] | None = None
    mode: Literal["audit", "enforce"] = "enforce"

    def mode_on(self, node: str) -> Mode:
        """What the kernel does with this choice's verdicts on a node."""
        if self.nodes is not None and node not in self.nodes:
            return Mode.OFF
        return Mode.ENFORCE if self.mode == "enforce" else Mode.AUDIT


class Intent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be in force (`active`) and on trial (`staged`). Both None: observe only."""

    active: PolicyChoice | None = None
    staged: PolicyChoice | None = None


def read_intent(state: State) -> Intent:
    """The intent of a state folder, observe only if none was written; UsageError if it is malformed."""
    try:
        return msgspec.json.decode(state.intent.read_bytes(), type=Intent)
    except FileNotFoundError:
        return Intent()
    except OSError as error:
        raise UsageError(f"{state.intent}: cannot be read: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise UsageError(f"{state.intent}: {error}; `fairway observe` writes a new one") from error


def write_intent(state: State, intent: Intent) -> None:
    """Replace the intent; the hub takes it up within its tick."""
    write_atomically(state.intent, msgspec.json.format(msgspec.json.encode(intent)) + b"\n")


def told(intent: Intent) -> str:
    """The intent in one line."""
    if intent.active is None and intent.staged is None:
        return "observe only"
    words = []
    if choice := intent.active:
        where = ", ".join(choice.nodes) if choice.nodes else "all nodes"
        word = "in force" if choice.mode == "enforce" else "audited"
        words.append(f"{choice.policies or 'no policies'} {word} on {where}, posture {choice.posture}")
    if choice := intent.staged:
        words.append(f"{choice.policies or 'no policies'} on trial, posture {choice.posture}")
    return "; ".join(words)
