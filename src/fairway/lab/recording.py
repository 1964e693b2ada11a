"""A recording: the flows of a real lab run in one Parquet file, with the cluster's manifests in its metadata."""

import platform
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final

import msgspec
import pyarrow.parquet as pq

from fairway.cloud.ranges import read_ranges
from fairway.hub.store import read_edges, read_flows, write_flows
from fairway.kit.documents import Document, read_documents
from fairway.kit.errors import UsageError
from fairway.lab.crew import Crew
from fairway.lab.observing import complete, observe_for
from fairway.lab.story import Observation
from fairway.policy.read import read_cluster
from fairway.wire.address import Network

SHIPPED: Final = Path(__file__).with_name("recording.parquet")
_KEY: Final = b"fairway.recording"


class _Moment(msgspec.Struct, frozen=True):
    """The cluster's manifests at `at`, microseconds since 1970."""

    at: int
    documents: list[tuple[str, Any]]


class _Header(msgspec.Struct, frozen=True):
    """What a recording says of itself. `published` are networks by cloud service."""

    made: datetime
    kernel: str
    before: _Moment
    after: _Moment
    published: dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Recording:
    """`before` and `after` the visit and the job that completed the observation."""

    made: datetime
    kernel: str
    before: Observation
    after: Observation
    published: dict[str, tuple[Network, ...]]


def record(crew: Crew, out: Path, progress: Callable[[str], None]) -> int:
    """Observe a running lab and write the recording; how many flow rows it has."""
    crew.start()
    try:
        progress("observing with default-allow")
        observe_for(crew)
        before = _moment(crew)
        progress("visiting /topology and running the batch job")
        complete(crew)
        after = _moment(crew)
        flows = read_flows(crew.state.folder)
    finally:
        crew.stop()
    published = {
        name: [str(network) for network in networks]
        for name, networks in read_ranges(crew.lab.ranges_file).networks().items()
    }
    kernel = ".".join(platform.release().split(".")[:2])
    header = _Header(datetime.now(UTC), kernel, before, after, published)
    write_flows(out, flows.replace_schema_metadata({_KEY: msgspec.json.encode(header)}))
    return int(flows.num_rows)


def load(path: Path = SHIPPED) -> Recording:
    """Read a recording; UsageError if the file is none."""
    try:
        metadata = pq.read_schema(path).metadata or {}
        header = msgspec.json.decode(metadata[_KEY], type=_Header)
    except (OSError, ValueError, KeyError, msgspec.MsgspecError) as error:
        raise UsageError(f"{path}: is no recording; `fairway lab record --out FILE` makes one") from error
    return Recording(
        header.made,
        header.kernel,
        _observation(path, header.before),
        _observation(path, header.after),
        {name: tuple(map(_network, networks)) for name, networks in header.published.items()},
    )


def _moment(crew: Crew) -> _Moment:
    documents = [(Path(d.source).name, d.value) for d in read_documents([crew.lab.cluster_dir])]
    return _Moment(int(datetime.now(UTC).timestamp() * 1e6), documents)


def _observation(path: Path, moment: _Moment) -> Observation:
    until = datetime.fromtimestamp(moment.at / 1e6, UTC)
    documents = [Document(source, value) for source, value in moment.documents]
    return Observation(read_edges(path, until=until), read_cluster(documents).cluster)


def _network(text: str) -> Network:
    return ip_network(text)
