"""render: generated policies as YAML files, each rule under its evidence. The same policies, the same bytes."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from fairway.policy.generate import Generated, GeneratedPolicy

_PLAIN: Final = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]*")
_WORDS: Final = frozenset(["y", "n", "yes", "no", "true", "false", "on", "off", "null", "nan", "inf"])
"""What YAML 1.1 reads as something other than text."""
Path = tuple[str | int, ...]


def render(generated: Generated) -> dict[str, str]:
    """File name to content, one file per workload: `orders-orders-postgresql.yaml`."""
    files: dict[str, str] = {}
    for policy in generated.policies:
        stem = f"{policy.policy.namespace}-{policy.policy.name}"
        name, number = f"{stem}.yaml", 2
        while name in files:  # a-b/c and a/b-c
            name, number = f"{stem}-{number}.yaml", number + 1
        files[name] = render_policy(policy)
    return files


def render_policy(generated: GeneratedPolicy) -> str:
    """One policy as YAML with comments."""
    comments: dict[Path, tuple[str, ...]] = {
        ("spec", "ingress"): () if generated.policy.ingress else ("nothing was seen to call it",),
        ("spec", "egress"): () if generated.policy.egress else ("it was seen to call nothing",),
    }
    for place, lines in generated.evidence.items():
        direction, index = place.rstrip("]").split("[")
        comments["spec", direction, int(index)] = lines
    title = _line(f"{generated.workload} in namespace {generated.policy.namespace}")
    head = f"# What {title} was seen to do; nothing else is allowed.\n"
    if not generated.workload:
        head = (
            f"# Closes namespace {_line(generated.policy.namespace)} to everything that no other policy allows.\n"
        )
        comments = {}
    return head + "".join(f"{line}\n" for line in _mapping(generated.manifest, (), comments))


def _mapping(value: Mapping[str, Any], path: Path, comments: Mapping[Path, tuple[str, ...]]) -> Iterator[str]:
    for key, item in value.items():
        yield from (f"# {_line(text)}" for text in comments.get((*path, key), ()))
        if isinstance(item, dict | list) and item:
            yield f"{_scalar(key)}:"
            yield from (f"  {line}" for line in _block(item, (*path, key), comments))
        else:
            yield f"{_scalar(key)}: {_scalar(item)}"


def _block(value: Any, path: Path, comments: Mapping[Path, tuple[str, ...]]) -> Iterator[str]:
    if isinstance(value, dict):
        yield from _mapping(value, path, comments)
        return
    for index, item in enumerate(value):
        yield from (f"# {_line(text)}" for text in comments.get((*path, index), ()))
        if isinstance(item, dict) and item:
            mark = "- "
            for line in _mapping(item, (*path, index), comments):
                yield mark + line
                mark = "  "
        else:
            yield f"- {_scalar(item)}"


def _scalar(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)


def _line(text: str) -> str:
    return " ".join(text.split())
