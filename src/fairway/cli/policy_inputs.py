"""What the policy verbs read: manifests, policies, flows, decisions, names. What is wrong is told all at once."""

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from fairway.hub.target import add_hub, hub_asked
from fairway.kit.arguments import add_output, duration
from fairway.kit.errors import InputErrors, UsageError, one_line

if TYPE_CHECKING:
    import pyarrow as pa

    from fairway.hub.client import Client
    from fairway.kit.documents import Document
    from fairway.policy.model import Cluster, PolicySet
    from fairway.policy.rulings import Ruling, Rulings
    from fairway.policy.settle import Names
    from fairway.wire.edge import Edge
    from fairway.wire.words import Posture

T = TypeVar("T")


def add_cluster(verb: argparse.ArgumentParser) -> None:
    """`--cluster`, or a hub that has one; and `--output`."""
    verb.add_argument(
        "--cluster",
        type=Path,
        metavar="DIR|FILE",
        help="Kubernetes manifests (default: a hub is asked, of its own)",
    )
    add_hub(verb)
    add_output(verb)


def add_flows(verb: argparse.ArgumentParser) -> None:
    """`--flows` and `--since`."""
    verb.add_argument(
        "--flows", type=Path, metavar="FILE|DIR", help="flows as a hub keeps them; goes with --cluster"
    )
    verb.add_argument(
        "--since", type=duration, metavar="AGO", help="only what was reported since: 90s, 5m, 2h, 7d (default: all)"
    )


def add_policies(verb: argparse.ArgumentParser) -> None:
    """`--policies`, and how pods and names are judged that none of them speaks of."""
    verb.add_argument(
        "--policies",
        type=Path,
        nargs="+",
        metavar="DIR|FILE",
        help="policies of all kinds (default: the cluster's own)",
    )
    add_posture(verb)
    verb.add_argument("--names", type=Path, metavar="FILE", help="what domain names in policies resolve to")


def add_posture(verb: argparse.ArgumentParser) -> None:
    """`--posture`."""
    verb.add_argument(
        "--posture",
        choices=("allow", "deny"),
        default="allow",
        help="for pods that no policy selects (default: %(default)s)",
    )


def add_decisions(verb: argparse.ArgumentParser) -> None:
    """`--decisions`."""
    verb.add_argument("--decisions", type=Path, metavar="FILE", help="what people decided to allow or to deny")


def hub_instead(arguments: argparse.Namespace, *, flows: bool = False) -> "Client | None":
    """The hub that is asked; None where files are given, which must be whole: `flows`, too, if they are needed."""
    given = getattr(arguments, "flows", None)
    if arguments.cluster is None and given is None:
        try:
            return hub_asked(arguments)
        except UsageError as error:
            raise UsageError(f"{error}; of files, give --cluster{' and --flows' if flows else ''}") from error
    if arguments.hub or arguments.state:
        raise UsageError("a hub answers of its own cluster and flows; leave out --cluster and --flows, or the hub")
    if arguments.cluster is None:
        raise UsageError("--flows goes with --cluster; give the manifests of the cluster they were recorded in")
    if flows and given is None:
        raise UsageError("--cluster goes with --flows; give a file of flows, or leave both out to ask a hub")
    return None


class Inputs:
    """What one verb was given. What is wrong with any input is kept, so that all of it is told together by `done`;
    nothing that was read may be used before."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._given = arguments
        self._problems: list[str] = []
        self._notes: list[str] = []
        self.sources: list[str] = []
        """Where each document of the last `text` comes from."""

    def read(self, reader: Callable[[], T], otherwise: T) -> T:
        """What the reader reads; `otherwise` if it is wrong."""
        try:
            return reader()
        except InputErrors as error:
            self._problems += error.problems
        except UsageError as error:
            self._problems.append(str(error))
        return otherwise

    def done(self) -> None:
        """InputErrors with every problem of every input, each once; else what was passed over is said."""
        if self._problems:
            raise InputErrors(list(dict.fromkeys(self._problems)))
        sys.stderr.write("".join(f"note: {one_line(note)}\n" for note in self._notes))

    def _documents(self, paths: Sequence[Path]) -> "list[Document]":
        """The documents that can be read; what is wrong with others is kept."""
        from fairway.kit.documents import read_documents

        return read_documents(paths, self._problems)

    def _filled(self, path: Path, what: str) -> "list[Document]":
        """The documents of a path that must have some."""
        before = len(self._problems)
        documents = self._documents([path])
        if not documents and len(self._problems) == before:
            raise UsageError(f"`{path}` holds no {what}; name the right file")
        return documents

    def cluster(self) -> "Cluster":
        """The cluster that the manifests of `--cluster` describe."""
        from fairway.kit.documents import read_documents
        from fairway.policy.model import Cluster
        from fairway.policy.read import passed_over, read_cluster

        def reader() -> Cluster:
            # A part of a cluster is none: every policy whose namespace cannot be read would be a mistake.
            documents = read_documents([self._given.cluster])
            if not documents:
                raise UsageError(f"`{self._given.cluster}` holds no manifests; name the cluster's folder")
            reading = read_cluster(documents)
            self._notes += passed_over(reading.skipped)
            return reading.cluster

        return self.read(reader, Cluster())

    def policies(self, cluster: "Cluster") -> "PolicySet":
        """The policies of `--policies`, else the cluster's own."""
        from fairway.policy.model import PolicySet
        from fairway.wire.words import Posture

        posture = Posture(self._given.posture)
        if not self._given.policies:
            return PolicySet(cluster.policies, posture, cluster.tiered)
        return self.policies_at(self._given.policies, cluster, posture)

    def policies_at(
        self, paths: Sequence[Path], cluster: "Cluster", posture: "Posture", *, may_be_none: bool = False
    ) -> "PolicySet":
        """The policies of files and folders; with `may_be_none` an empty folder means no policies."""
        from fairway.policy.model import PolicySet
        from fairway.policy.read import read_policy_set

        def reader() -> PolicySet:
            before = len(self._problems)
            documents = self._documents(paths)
            # A cluster that could not be read has no namespaces to hold policies against.
            given = read_policy_set(documents, cluster if cluster.namespaces else None, posture)
            empty = not documents and all(path.is_dir() for path in paths)
            if not given.size and len(self._problems) == before and not (may_be_none and empty):
                where = ", ".join(f"`{path}`" for path in paths)
                raise UsageError(f"{where} holds no NetworkPolicy or other policy; name the right folder")
            return given

        return self.read(reader, PolicySet((), posture))

    def policies_told(self) -> "tuple[PolicySet | None, str]":
        """The policies of `--policies`, held against no cluster, and the same as text for a hub; none where its
        cluster's own are meant."""
        from fairway.policy.model import Cluster
        from fairway.wire.words import Posture

        paths = self._given.policies or ()
        given = self.policies_at(paths, Cluster(), Posture(self._given.posture)) if paths else None
        return given, self.text(*paths)

    def text(self, *paths: Path | None) -> str:
        """What files and folders hold, as text for a hub."""
        import yaml

        documents = self._documents([path for path in paths if path])
        self.sources = [document.source for document in documents]
        return yaml.safe_dump_all([document.value for document in documents], sort_keys=False) if documents else ""

    def edges(self) -> "list[Edge]":
        """The edges of `--flows`."""
        return self.flows()[0]

    def flows(self) -> "tuple[list[Edge], pa.Table]":
        """The edges of `--flows`, and the flows themselves."""
        import msgspec

        from fairway.hub.columns import SCHEMA
        from fairway.hub.edges import edges_of
        from fairway.hub.store import read_flows
        from fairway.policy.fields import parse_address

        path, since = self._given.flows, getattr(self._given, "since", None)
        begin = datetime.now(UTC) - since if since is not None else None

        def reader() -> "tuple[list[Edge], pa.Table]":
            flows = read_flows(path, begin)
            try:
                edges = edges_of(flows)
                for address in {end.address for edge in edges for end in (edge.client, edge.server)}:
                    parse_address(address)
            except (ValueError, msgspec.MsgspecError) as error:
                raise UsageError(f"{path}: holds a malformed flow: {error}; record again") from error
            return edges, flows

        none: list[Edge] = []
        return self.read(reader, (none, SCHEMA.empty_table()))

    def rulings(self) -> "Rulings":
        """The decisions of `--decisions` that hold today."""
        from fairway.policy.rulings import Rulings, read_rulings

        held: tuple[Ruling, ...] = ()
        if self._given.decisions:
            held = self.read(lambda: read_rulings(self._filled(self._given.decisions, "decisions")), held)
        return Rulings(held, datetime.now(UTC).date())

    def names(self) -> "Names | None":
        """What domain names resolve to, where `--names` says so."""
        from fairway.policy.read_names import read_names

        if not self._given.names:
            return None
        none: Names = {}
        return self.read(lambda: read_names(self._filled(self._given.names, "names")), none)
