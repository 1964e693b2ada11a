"""Wishes: what people ask the hub to put on trial or in force, policies included, so that no folder is shared."""

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType

from fairway.hub.audit import Audit
from fairway.hub.auth import Principal, Role
from fairway.hub.control import policy_set
from fairway.hub.intent import Intent, PolicyChoice, read_intent, told, write_intent
from fairway.hub.state import State
from fairway.kit.errors import UsageError
from fairway.kit.files import write_atomically
from fairway.policy.model import Cluster
from fairway.wire.words import Posture

MOST_CHARACTERS = 16 << 20


class Choice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A policy set and where it holds, as `hub.intent.PolicyChoice`, with `policies` as YAML instead of a path."""

    policies: Annotated[str, msgspec.Meta(max_length=MOST_CHARACTERS)] | None = None
    posture: Posture = Posture.ALLOW
    nodes: tuple[str, ...] | None = None
    mode: Literal["audit", "enforce"] = "enforce"


class Wish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The new intent. What is left out stays as it is; null takes it back. `why` goes into the audit log."""

    active: Choice | UnsetType | None = UNSET
    staged: Choice | UnsetType | None = UNSET
    why: Annotated[str, msgspec.Meta(max_length=1000)] = ""

    @property
    def role(self) -> Role:
        """Who may wish it: what only judges is an editor's, what drops packets, or stops to, an operator's."""
        return Role.EDITOR if self.active is UNSET else Role.OPERATOR


class Wanted:
    """The intent of a state folder. Every change of it is in the audit log before it counts, also one that somebody
    made in the file. For any thread."""

    def __init__(self, state: State, audit: Audit) -> None:
        self._state = state
        self._audit = audit
        self._lock = threading.Lock()
        self._known: Intent | None = None

    def read(self) -> Intent:
        """What is wanted now. UsageError if the file is malformed, OSError if a change cannot be noted."""
        with self._lock:
            return self._read()

    def change(
        self, wish: Wish, cluster: Cluster, who: Principal, expected: Callable[[Intent], bool]
    ) -> Intent | None:
        """Grant a wish; None if the intent is not as `expected`. UsageError for what makes no sense."""
        with self._lock:
            before = self._read()
            if not expected(before):
                return None
            wanted = _granted(wish, before, self._state, cluster)
            self._note(before, wanted, who.name, who.role, wish.why)
            self._known = wanted
            write_intent(self._state, wanted)
            return wanted

    def _read(self) -> Intent:
        intent = read_intent(self._state)
        if self._known is not None and intent != self._known:
            self._note(self._known, intent, _owner(self._state.intent), why="the file was changed")
        self._known = intent
        return intent

    def _note(self, before: Intent, after: Intent, who: str, role: str = "", why: str = "") -> None:
        detail = {"before": before, "after": after}
        self._audit.record(who, "intent", told(after), role=role, why=why, detail=detail)


def _owner(path: Path) -> str:
    try:
        return f"uid {path.stat().st_uid}"
    except FileNotFoundError:
        return "somebody"


def _granted(wish: Wish, before: Intent, state: State, cluster: Cluster) -> Intent:
    """The intent as wished for, its policies in files of the hub's own. UsageError for what makes no sense."""
    active, staged = (
        old if isinstance(choice, UnsetType) else _kept(choice, state, cluster)
        for choice, old in ((wish.active, before.active), (wish.staged, before.staged))
    )
    return Intent(active=active, staged=staged)


def _kept(choice: Choice | None, state: State, cluster: Cluster) -> PolicyChoice | None:
    if choice is None:
        return None
    known = {node.name for node in cluster.nodes}
    if unknown := sorted(set(choice.nodes or ()) - known):
        raise UsageError(f"`{unknown[0]}` is not a node of this cluster; its nodes: {', '.join(sorted(known))}")
    kept = kept_as(choice, state)
    if choice.policies is None or kept.policies is None:
        return kept
    path = Path(kept.policies)
    if not path.exists():
        write_atomically(path, choice.policies.encode())
    try:
        policy_set(kept)
    except UsageError as error:
        raise UsageError(str(error).replace(str(path), "policies")) from None
    return kept


def kept_as(choice: Choice, state: State) -> PolicyChoice:
    """How a choice stands in the intent: its policies in a file called after its content and never changed, so that
    the audit log's entries go on meaning what they meant."""
    path = None
    if choice.policies is not None:
        name = hashlib.sha256(choice.policies.encode()).hexdigest()[:16]
        path = str(state.policies.absolute() / f"{name}.yaml")
    return PolicyChoice(policies=path, posture=choice.posture, nodes=choice.nodes, mode=choice.mode)
