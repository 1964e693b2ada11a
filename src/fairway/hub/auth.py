"""Who may: bearer tokens and what they stand for. A token itself is never kept, only its SHA-256."""

import hashlib
import secrets
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

from fairway.hub.state import State
from fairway.kit.errors import UsageError
from fairway.kit.files import write_atomically

LEAST_LENGTH: Final = 20
"""Characters of a token in a file of a person's own."""


class Role(StrEnum):
    """What somebody may do; each person's role includes those before it."""

    AGENT = "agent"  # report flows of a node and read what it is to hold its pods to
    VIEWER = "viewer"
    EDITOR = "editor"
    OPERATOR = "operator"

    def includes(self, other: "Role") -> bool:
        """Whether this role is at least the other. An agent is no person, and no person an agent."""
        people = (Role.VIEWER, Role.EDITOR, Role.OPERATOR)
        if Role.AGENT in (self, other):
            return self is other
        return people.index(self) >= people.index(other)


class Principal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody who showed a token. `node` bounds an agent, `namespaces` a person; None means all."""

    name: str
    role: Role
    node: str | None = None
    namespaces: tuple[str, ...] | None = None


class _Entry(Principal, frozen=True, kw_only=True, forbid_unknown_fields=True):
    sha256: str


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    tokens: tuple[_Entry, ...] = ()


class Tokens:
    """Principals by the digest of their token."""

    def __init__(self, principals: Mapping[str, Principal]) -> None:
        self._principals = dict(principals)

    def principal(self, token: str) -> Principal | None:
        """Whose token it is; None if it is nobody's."""
        return self._principals.get(digest(token))


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
