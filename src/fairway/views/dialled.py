"""Dialled: rows to a Service as rows of the one workload behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fairway.kit.codes import Ints, Words, distinct, words_of
from fairway.views.map import Behind, End


class Ends(NamedTuple):
    """The distinct ends of rows, and each row's two by number."""

    ends: Sequence[End]
    client: Ints
    server: Ints


@dataclass(frozen=True, slots=True)
class Dialled:
    """Rows by their ends, after Services; `port` is 0 where it is not known, `labels` are ports as words."""

    ends: Sequence[End]
    client: Ints
    server: Ints
    port: Ints
    labels: Words
    protocols: Words
    services: Words

    def only(self, rows: NDArray[np.bool_]) -> Self:
        """Some of the rows."""
        columns = {name: getattr(self, name)[rows] for name in ("client", "server", "port")}
        words = {
            name: getattr(self, name)._replace(codes=getattr(self, name).codes[rows])
            for name in ("labels", "protocols", "services")
        }
        return replace(self, **columns, **words)


def backed(rows: pa.Table, told: Ends, behind: Mapping[str, Behind]) -> Dialled:
    """With the workload that each Service leads to in its place, where `behind` it is only one."""
    services, protocols = words_of(rows["service"]), words_of(rows["protocol"])
    ends = list(told.ends)
    place, number = np.full(len(services.words), -1), np.zeros(len(services.words), np.int64)
    for code, word in enumerate(services.words):
        found = behind.get(word)
        if found and len(found.workloads) == 1:
            place[code] = len(ends)
            number[code] = found.ports[0] if len(found.ports) == 1 else 0
            ends.append(End("pod", *found.workloads[0]))
    dialled = np.array([end.kind == "service" for end in told.ends], bool)[told.server]
    dialled &= place[services.codes] >= 0
    port = rows["port"].to_numpy().astype(np.int64)
    told_port = np.where(dialled, number[services.codes], port)
    return Dialled(
        ends=ends,
        client=told.client,
        server=np.where(dialled, place[services.codes], told.server),
        port=told_port,
        labels=_labels(protocols, told_port, (port == 0) & (told_port == 0)),
        protocols=protocols,
        services=services,
    )


def _labels(protocols: Words, port: Ints, without: NDArray[np.bool_]) -> Words:
    """`TCP 80`; the protocol alone where it has no ports, nothing where the port is not known."""
    firsts, labels = distinct(protocols.codes, port, without)
    words = [
        f"{protocols.words[protocol]} {number}" if number else protocols.words[protocol] if none else ""
        for protocol, number, none in zip(
            *(key[firsts].tolist() for key in (protocols.codes, port, without)), strict=True
        )
    ]
    return Words(labels, words)
