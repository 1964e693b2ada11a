"""Who may: bearer tokens and what they stand for. A token itself is never kept, only its SHA-256."""

import hashlib
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final, Self

import msgspec

from fairway.hub.state import State
from fairway.kit.errors import UsageError
from fairway.kit.files import signature, write_atomically

LOOK_SECONDS: Final = 1.0
"""Between two looks at a file of tokens."""


class Role(StrEnum):
    """What somebody may do; each person's role includes those before it."""

    AGENT = "agent"  # report flows of a node and read what it is to hold its pods to
    VIEWER = "viewer"
    EDITOR = "editor"
    OPERATOR = "operator"

    def includes(self, other: "Role") -> bool:
        """Whether this role is at least the other. An agent is no person, and no person an agent."""
        if Role.AGENT in (self, other):
            return self is other
        return PEOPLE.index(self) >= PEOPLE.index(other)


PEOPLE: Final = (Role.VIEWER, Role.EDITOR, Role.OPERATOR)
"""Roles of people, the least first."""


class Grant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A role in some namespaces; None means in all."""

    role: Role
    namespaces: tuple[str, ...] | None = None


class Principal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody who showed a token. `node` bounds an agent, `namespaces` what a person sees; None means all.

    Who has several roles in several places has `grants`; `role` is then the highest of them.
    """

    name: str
    role: Role
    node: str | None = None
    namespaces: tuple[str, ...] | None = None
    grants: tuple[Grant, ...] = ()

    @classmethod
    def granted(cls, name: str, grants: Sequence[Grant]) -> Self:
        """A person with at least one grant."""
        highest = max((grant.role for grant in grants), key=PEOPLE.index)
        sets = [grant.namespaces for grant in grants if grant.namespaces is not None]
        seen = None if len(sets) < len(grants) else tuple(sorted({name for names in sets for name in names}))
        return cls(name=name, role=highest, namespaces=seen, grants=tuple(grants))

    def may(self, role: Role, namespace: str | None = None) -> bool:
        """Whether they have at least the role in a namespace; None asks for all namespaces."""
        return any(
            grant.role.includes(role) and (grant.namespaces is None or namespace in grant.namespaces)
            for grant in self.grants or (Grant(self.role, self.namespaces),)
        )


class _Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    role: Role
    sha256: str
    node: str | None = None
    namespaces: tuple[str, ...] | None = None


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    tokens: tuple[_Entry, ...] = ()


class Tokens:
    """Principals by the digest of their token: the hub's `own`, and those of a `file` that may change meanwhile.

    `told` hears of each change, with the names that came and went, or why the file cannot be used; then what was
    read before still counts. UsageError when the file is wrong from the start.
    """

    def __init__(
        self, own: Mapping[str, Principal], file: Path | None = None, told: Callable[[str], None] = lambda _: None
    ) -> None:
        self._own = dict(own)
        self._file = file
        self._told = told
        self._looked = time.monotonic()
        self._seen = signature(file) if file else frozenset()
        self._theirs = read_tokens(file) if file else {}

    def principal(self, token: str) -> Principal | None:
        """Whose token it is; None if it is nobody's."""
        if self._file and time.monotonic() - self._looked >= LOOK_SECONDS:
            self._looked = time.monotonic()
            self._look(self._file)
        key = digest(token)
        return self._own.get(key) or self._theirs.get(key)

    def _look(self, file: Path) -> None:
        seen = signature(file)
        if seen == self._seen:
            return
        self._seen = seen
        try:
            theirs = read_tokens(file)
        except UsageError as error:
            self._told(f"{error}; the tokens of before still count")
            return
        before, self._theirs = self._theirs, theirs
        news = {
            "added": {theirs[key].name for key in theirs.keys() - before.keys()},
            "removed": {before[key].name for key in before.keys() - theirs.keys()},
            "changed": {theirs[key].name for key in theirs.keys() & before.keys() if theirs[key] != before[key]},
        }
        words = (f"{word} {', '.join(sorted(names))}" for word, names in news.items() if names)
        self._told(f"{file}: {'; '.join(words) or 'nothing new'}")


def digest(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def read_tokens(path: Path) -> dict[str, Principal]:
    """Principals by digest, from a YAML file of people's own; UsageError names the place that is wrong."""
    try:
        file = msgspec.yaml.decode(path.read_bytes(), type=_File)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise UsageError(f"{path}: {' '.join(str(error).split())}") from error
    for index, entry in enumerate(file.tokens):
        if len(entry.sha256) != 64 or not set(entry.sha256) <= set("0123456789abcdef"):
            raise UsageError(
                f"{path}: $.tokens[{index}].sha256: is no SHA-256 in lower-case hexadecimal; "
                "make one with `printf %s TOKEN | sha256sum`"
            )
    return {
        entry.sha256: Principal(name=entry.name, role=entry.role, node=entry.node, namespaces=entry.namespaces)
        for entry in file.tokens
    }


def own_tokens(state: State) -> dict[str, Principal]:
    """The two that the hub makes at its first start: for all its agents, and for whoever runs it."""
    made = {}
    for role in (Role.AGENT, Role.OPERATOR):
        path = state.token(role)
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomically(path, secrets.token_urlsafe(32).encode())
            path.chmod(0o600)
        made[digest(path.read_text(encoding="ascii").strip())] = Principal(name=f"first {role}", role=role)
    return made
