"""Kubernetes objects as plain values, and the folder they are kept in, one file per object."""

import json
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fairway.kit.files import write_atomically

Object = dict[str, Any]


def timestamp(moment: datetime | None = None) -> str:
    """A time as Kubernetes writes it."""
    return (moment or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")


def metadata_of(name: str, namespace: str, created: str, labels: Mapping[str, str]) -> Object:
    """An object's metadata; cluster-wide ones have no namespace."""
    where = {"namespace": namespace} if namespace else {}
    return {"name": name, **where, "creationTimestamp": created, "labels": dict(labels)}


def reference(version: str, kind: str, namespace: str, name: str) -> Object:
    """An owner reference."""
    return {
        "apiVersion": version,
        "kind": kind,
        "name": name,
        "uid": uid(kind, namespace, name),
        "controller": True,
    }


def uid(kind: str, namespace: str, name: str) -> str:
    """An object's identity, the same in every lab."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"fairway-lab/{kind}/{namespace}/{name}"))


def file_of(folder: Path, thing: Object) -> Path:
    """Where an object is kept: `KIND/NAMESPACE.NAME.json`."""
    metadata = thing["metadata"]
    namespace = f"{metadata['namespace']}." if "namespace" in metadata else ""
    return folder / str(thing["kind"]).lower() / f"{namespace}{metadata['name']}.json"


def write(folder: Path, things: Iterable[Object]) -> None:
    """Write objects, each file whole or not at all; an object that did not change keeps its file's time."""
    for thing in things:
        write_json(file_of(folder, thing), thing)


def write_json(path: Path, content: object) -> None:
    """Write a JSON file whole or not at all, and only if it changes."""
    text = json.dumps(content, indent=1) + "\n"
    try:
        if path.read_text() == text:
            return
    except FileNotFoundError:
        pass
    write_atomically(path, text.encode())
