"""What a pod's manifest says it will call, as written: environment, arguments, and ConfigMaps that reach its
containers as environment or as files. Secrets are never read."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from fairway.policy.fields import Field

Ref = tuple[str, str]
"""Namespace and name."""
ConfigMaps = Mapping[Ref, Mapping[str, str]]
"""Their text values by key."""
MAX_LINES: Final = 10_000
"""Of one file in a ConfigMap; the API server takes 1 MiB for all of them."""
_COMMENTS: Final = ("#", "//", ";")
_SETTING: Final = re.compile(r"[^=:]{1,200}[=:]\s*[\"']?([A-Za-z0-9][A-Za-z0-9.-]{0,252})[\"']?\s*[,;]?")
"""`host: db`, `db.host=db`, `"host": "db",`: a name alone behind a key."""


def read_config_map(root: Field) -> Mapping[str, str]:
    """A ConfigMap's text values by key; what is no text is no environment."""
    found = root.get("data").value
    return {str(k): v for k, v in found.items() if isinstance(v, str)} if isinstance(found, dict) else {}


def declared_by(spec: Field, namespace: str, config_maps: ConfigMaps) -> tuple[str, ...]:
    """Every value of a pod's `spec` that may name whom its containers will call, each once. Files are read line by
    line, without comments."""
    containers = [*spec.get("containers").each(), *spec.get("initContainers").each()]
    values: list[str] = []
    mounted: set[str] = set()
    for container in containers:
        for env in container.get("env").each():
            key = env.get("valueFrom", "configMapKeyRef")
            given = config_maps.get((namespace, key.get("name").text()), {})
            values += [env.get("value").text(), given.get(key.get("key").text(), "")]
        for whole in container.get("envFrom").each():
            values += config_maps.get((namespace, whole.get("configMapRef", "name").text()), {}).values()
        values += [*container.get("command").texts(), *container.get("args").texts()]
        mounted.update(mount.get("name").text() for mount in container.get("volumeMounts").each())
    for volume in spec.get("volumes").each():
        if volume.get("name").text() in mounted:
            values += (line for text in _files(volume, namespace, config_maps) for line in _lines(text))
    return tuple(value for value in dict.fromkeys(values) if value)


def _files(volume: Field, namespace: str, config_maps: ConfigMaps) -> Iterator[str]:
    """What a volume holds of ConfigMaps."""
    sources = [volume, *volume.get("projected", "sources").each()]
    for source in (one.get("configMap") for one in sources):
        given = config_maps.get((namespace, source.get("name").text()), {})
        items = {item.get("key").text() for item in source.get("items").each()}
        yield from (text for name, text in given.items() if not items or name in items)


def _lines(text: str) -> Iterator[str]:
    for line in text.splitlines()[:MAX_LINES]:
        stripped = line.strip()
        if stripped and not stripped.startswith(_COMMENTS):
            yield stripped
            if setting := _SETTING.fullmatch(stripped):
                yield setting[1]
