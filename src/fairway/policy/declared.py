"""Services that environment values, arguments and configuration files name: whom a workload says it will call."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from fairway.policy.model import Service

_LABEL: Final = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_REFERENCE: Final = re.compile(
    rf"(?<![\w.-])(?P<scheme>[a-z][a-z0-9+.-]*://(?:[^\s/@]*@)?)?"
    rf"(?P<host>{_LABEL}(?:\.{_LABEL})*)\.?(?::(?P<port>\d{{1,5}}))?(?![\w.-])"
)
_SUFFIXES: Final = (".svc.cluster.local", ".svc")
MAX_VALUE: Final = 4096


@dataclass(frozen=True, slots=True, order=True)
class Reference:
    """A Service and, if the value tells it, the port. `sure`: the value reads as an address, not as a word."""

    namespace: str
    name: str
    port: int | None = None
    sure: bool = True


def references(
    values: Iterable[str], home: str, services: Mapping[tuple[str, str], Service]
) -> Iterator[Reference]:
    """The Services of the cluster that the values name, read in namespace `home`.

    `name.namespace`, with `.svc` or `.svc.cluster.local` or without, counts anywhere; a bare `name` only as the
    host of a URL, with a port, or (unsure) as the whole value, and only for a Service of the same namespace.
    """
    for value in values:
        text = value[:MAX_VALUE].lower()
        for match in _REFERENCE.finditer(text):
            host, bare = match["host"], "." not in match["host"]
            address = bool(match["scheme"] or match["port"])
            if bare and not address and match[0] != text.strip():
                continue
            service = _service(host, home, services)
            if service is not None:
                port = int(match["port"]) if match["port"] else None
                yield Reference(service.namespace, service.name, port, address or not bare)


def _service(host: str, home: str, services: Mapping[tuple[str, str], Service]) -> Service | None:
    """The Service that a cluster's DNS would find: name[.namespace], or a pod of a headless one before it."""
    for suffix in _SUFFIXES:
        host = host.removesuffix(suffix)
    parts = host.split(".")
    tried = [(parts[0], parts[1] if len(parts) > 1 else home)] if len(parts) < 3 else []
    if len(parts) in (2, 3):
        tried.append((parts[1], parts[2] if len(parts) == 3 else home))
    return next((services[namespace, name] for name, namespace in tried if (namespace, name) in services), None)
