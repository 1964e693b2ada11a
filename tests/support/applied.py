"""Server-side apply as an API server does it: who holds which field, conflicts, fields that are let go.

Lists are atomic here; in Kubernetes some merge by key, which nothing of Fairway's applies.
"""

import copy
from collections.abc import Iterator
from typing import Any

Value = dict[str, Any]
Path = tuple[str, ...]


class ConflictError(Exception):
    """Somebody else holds a field."""


def applied(old: Value | None, body: Value, manager: str, *, force: bool) -> Value:
    """The object after `manager` applied `body` to it."""
    given = {path: value for path, value in leaves(body) if path[0] not in ("apiVersion", "kind")}
    held = managers(old) if old else {}
    others = {name: paths for name, paths in held.items() if name != manager}
    for path, value in given.items():
        holder = next((name for name, paths in others.items() if path in paths), "")
        if holder and found(old, path) != value:
            if not force:
                place = ".".join(("", *path))
                raise ConflictError(f'Apply failed with 1 conflict: conflict with "{holder}": {place}')
            others[holder].discard(path)
    new = copy.deepcopy(old) if old else {}
    for path in held.get(manager, set()) - given.keys():
        if not any(path in paths for paths in others.values()):
            put(new, path, None)
    for path, value in given.items():
        put(new, path, copy.deepcopy(value))
    for key in ("apiVersion", "kind"):
        if key in body:
            new[key] = body[key]
    metadata = new.setdefault("metadata", {})
    ours = {path for path in given if path not in (("metadata", "name"), ("metadata", "namespace"))}
    metadata["managedFields"] = [
        {"manager": name, "operation": "Apply", "fieldsV1": tree(paths)}
        for name, paths in {**others, manager: ours}.items()
        if paths
    ]
    return new


def managers(value: Value) -> dict[str, set[Path]]:
    """Which fields each holds."""
    entries = value["metadata"].get("managedFields") or []
    return {entry["manager"]: set(paths(entry.get("fieldsV1", {}))) for entry in entries}


def leaves(value: Any, at: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Fields without fields below; an empty mapping is one."""
    if isinstance(value, dict) and value:
        for key, below in value.items():
            yield from leaves(below, (*at, key))
    else:
        yield at, value


def paths(fields: Value, at: Path = ()) -> Iterator[Path]:
    """Of `fieldsV1`."""
    for key, below in fields.items():
        place = (*at, key.removeprefix("f:"))
        yield from paths(below, place) if below else [place]


def tree(held: set[Path]) -> Value:
    """As `fieldsV1` has it."""
    made: Value = {}
    for path in sorted(held):
        place = made
        for key in path:
            place = place.setdefault(f"f:{key}", {})
    return made


def found(value: Value | None, path: Path) -> Any:
    """What is there, None for nothing."""
    place: Any = value
    for key in path:
        place = place.get(key) if isinstance(place, dict) else None
    return place


def put(value: Value, path: Path, what: Any) -> None:
    """Set a field, or with None remove it and what is empty above it."""
    *above, last = path
    places = [value]
    for key in above:
        below = places[-1].setdefault(key, {})
        if not isinstance(below, dict):
            below = places[-1][key] = {}
        places.append(below)
    if what is not None:
        places[-1][last] = what
        return
    places[-1].pop(last, None)
    for place, key in reversed(list(zip(places, above, strict=False))):
        if place[key] == {}:
            del place[key]
