"""A question to the policy engine in a process of its own, so that it can be ended at any moment.

`python -m fairway.hub.job FOLDER`: reads what `write` left there, and tells its progress and its answer as lines of
JSON. It ends with whoever started it.
"""

import ctypes
import os
import pickle
import resource
import signal
import sys
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final

import msgspec
import pyarrow as pa

from fairway.hub.engine import Material, answer
from fairway.hub.questions import Question
from fairway.kit.errors import FairwayError
from fairway.wire.edge import Edge

LONGEST: Final = 1800
"""Seconds of processor time."""
_PR_SET_PDEATHSIG: Final = 1


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that a job tells: a step, its answer, or why there is none."""

    step: str = ""
    progress: float = 0.0
    answer: dict[str, Any] | None = None
    error: str = ""


class _Given(msgspec.Struct, frozen=True, kw_only=True):
    question: Question
    edges: list[Edge]
    lost: dict[str, int] | None
    namespaces: tuple[str, ...] | None
    published: dict[str, list[str]]


def write(folder: Path, question: Question, given: Material) -> None:
    """Leave what a job needs in a folder of its own."""
    told = _Given(
        question=question,
        edges=given.edges,
        lost=given.lost,
        namespaces=given.namespaces,
        published={name: list(map(str, networks)) for name, networks in given.published.items()},
    )
    (folder / "question").write_bytes(msgspec.msgpack.encode(told))
    with (folder / "cluster").open("wb") as file:
        pickle.dump(given.cluster, file, pickle.HIGHEST_PROTOCOL)
    if given.flows is not None:
        with pa.OSFile(str(folder / "flows"), "wb") as sink, pa.ipc.new_stream(sink, given.flows.schema) as writer:
            writer.write_table(given.flows.unify_dictionaries())


def run(folder: Path) -> Line:
    """The last line of a job: its answer, or what is wrong."""
    given = msgspec.msgpack.decode((folder / "question").read_bytes(), type=_Given)
    try:
        _tell(Line(step="reading the cluster", progress=0.2))
        cluster = pickle.loads((folder / "cluster").read_bytes())  # noqa: S301  # our parent's, in a folder of its own
        published = {name: list(map(ip_network, networks)) for name, networks in given.published.items()}
        flows = _flows(folder / "flows")
        material = Material(cluster, given.edges, flows, given.lost, given.namespaces, published)
        return Line(
            answer=answer(given.question, material, lambda step, done: _tell(Line(step=step, progress=done)))
        )
    except FairwayError as error:
        return Line(error=str(error).splitlines()[0])


def _flows(path: Path) -> pa.Table | None:
    if not path.exists():
        return None
    with pa.memory_map(str(path)) as source:
        return pa.ipc.open_stream(source).read_all()


def _tell(line: Line) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
    sys.stdout.buffer.flush()


def main(folder: str, parent: int) -> None:
    """As `python -m` runs it."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() == parent:  # else it ended before it could be watched
        resource.setrlimit(resource.RLIMIT_CPU, (LONGEST, LONGEST))
        _tell(run(Path(folder)))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
