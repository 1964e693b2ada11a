"""`fairway hub`: takes agents' reports, names and keeps flows, answers questions, hands out rules."""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from fairway.kit.arguments import count
from fairway.kit.logs import FORMS, logger

if TYPE_CHECKING:
    from fairway.hub.identity import Identifies
    from fairway.hub.rollouts.drivers import Driver
    from fairway.hub.surroundings import Surroundings


def register(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    verb = verbs.add_parser("hub", help="take agents' reports, name and keep flows, answer, hand out rules")
    verb.add_argument(
        "--state", type=Path, required=True, metavar="DIR", help="folder of its files; made if missing"
    )
    verb.add_argument("--cluster", type=Path, metavar="DIR", help="Kubernetes manifests, re-read when they change")
    verb.add_argument("--kube", action="store_true", help="watch an API server instead: that of the pod it runs in")
    verb.add_argument("--kubeconfig", type=Path, metavar="FILE", help="with --kube: how to reach it from elsewhere")
    verb.add_argument("--context", metavar="NAME", help="with --kube: which context of that file")
    verb.add_argument(
        "--mode",
        choices=("observe", "audit", "enforce"),
        default="observe",
        help="with --kube: of namespaces without the label fairway.dev/mode (default: %(default)s)",
    )
    verb.add_argument(
        "--enforce-beside", action="store_true", help="with --kube: enforce although the network plugin does, too"
    )
    verb.add_argument(
        "--agent-account",
        default="fairway-agent",
        metavar="[NAMESPACE/]NAME",
        help="with --kube: the service account of agents (default: %(default)s)",
    )
    verb.add_argument("--ranges", type=Path, metavar="FILE", help="a provider's published ranges (ip-ranges.json)")
    verb.add_argument(
        "--prices", type=Path, metavar="FILE", help="what bytes between zones cost (YAML), instead of list prices"
    )
    verb.add_argument(
        "--listen",
        type=_address,
        default="127.0.0.1:8480",
        metavar="HOST:PORT",
        help="where to answer; without HOST on all addresses; port 0 takes a free one (default: %(default)s)",
    )
    verb.add_argument("--cert", type=Path, metavar="FILE", help="certificate for TLS, PEM")
    verb.add_argument("--key", type=Path, metavar="FILE", help="its key, PEM")
    verb.add_argument("--tokens", type=Path, metavar="FILE", help="tokens of people and agents, by SHA-256 (YAML)")
    verb.add_argument("--oidc", type=Path, metavar="FILE", help="an OpenID provider, and its people's roles (YAML)")
    verb.add_argument(
        "--rate",
        type=count,
        default=50,
        metavar="N",
        help="requests a second that each person may make, ten times as many at once (default: %(default)s)",
    )
    verb.add_argument("--log", choices=FORMS, default="text", help="lines for people or for programs")
    verb.add_argument(
        "--memory",
        type=_mebibytes,
        default=2048,
        metavar="MIB",
        help="most that the database takes (default: %(default)s)",
    )
    verb.add_argument(
        "--store",
        default="",
        metavar="URL",
        help="keep flows at clickhouse://USER@HOST[,HOST]/DATABASE[?cluster=NAME] (default: in the state folder)",
    )
    verb.add_argument(
        "--keep", default="", metavar="TABLE=DAYSd,...", help="how long each table keeps its rows: flows=7d, ..."
    )
    verb.add_argument(
        "--metric-edges",
        type=_edges,
        default=0,
        metavar="N",
        help="edges between workloads with metrics of their own, at most; the others are counted (default: none)",
    )
    verb.add_argument(
        "--otlp",
        type=_collector,
        metavar="URL",
        help="push metrics to this OpenTelemetry collector",
    )
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or Ctrl-C."""
    from fairway.cloud.prices import Prices, read_prices
    from fairway.cloud.ranges import read_ranges
    from fairway.hub.database.retention import parse_retention
    from fairway.hub.limits import Limit, Limits
    from fairway.hub.serve import Listening, serve
    from fairway.hub.service import HubConfig
    from fairway.hub.state import State
    from fairway.hub.surroundings import ManifestFolder
    from fairway.kit.errors import UsageError

    if (arguments.cluster is None) is not arguments.kube:
        raise UsageError("give either --cluster DIR or --kube: one place to learn of the cluster from")
    if arguments.cluster is not None and not arguments.cluster.exists():
        raise UsageError(f"`{arguments.cluster}` does not exist; give the folder of the cluster's manifests")
    if (arguments.cert is None) != (arguments.key is None):
        raise UsageError("--cert and --key go together; give both, or neither")
    log = logger(arguments.log)
    host, port = arguments.listen
    if arguments.cert is None and host not in ("127.0.0.1", "::1", "localhost"):
        log(f"hub: {host or 'all addresses'}: tokens travel in the clear; give --cert and --key")
    ranges = read_ranges(arguments.ranges) if arguments.ranges else None
    limits = Limits(people=Limit(arguments.rate, 10 * arguments.rate))
    surroundings, others, drivers = (
        _in_cluster(arguments, log) if arguments.kube else (ManifestFolder(arguments.cluster), (), {})
    )
    listening = Listening(
        host, port, arguments.cert, arguments.key, arguments.tokens, arguments.oidc, limits, others
    )
    config = HubConfig(
        State(arguments.state),
        surroundings,
        arguments.memory << 20,
        arguments.store,
        parse_retention(arguments.keep),
        read_prices(arguments.prices) if arguments.prices else Prices(),
        arguments.metric_edges,
        arguments.otlp or "",
        drivers=drivers,
    )
    try:
        serve(config, listening, ranges, log)
    finally:
        surroundings.close()
    return 0


def _in_cluster(
    arguments: argparse.Namespace, log: Callable[[str], None]
) -> "tuple[Surroundings, tuple[Identifies, ...], Mapping[str, Driver]]":
    """The API server, watched from now on, as the one who knows whose a token is, and as what rollouts drive."""
    import os
    import socket
    import uuid

    from fairway.kube.access import find_access
    from fairway.kube.by_nodeclass import ByNodeClass
    from fairway.kube.by_objects import ByObjects
    from fairway.kube.identity import ByCluster, Known
    from fairway.kube.lease import Lease
    from fairway.kube.parts import MODES
    from fairway.kube.source import ApiServer

    access = find_access(arguments.kubeconfig, arguments.context)
    source = ApiServer(access, usual=MODES[arguments.mode], beside=arguments.enforce_beside)
    host = os.environ.get("POD_NAME") or socket.gethostname()
    source.lease = Lease(access, access.namespace, f"{host}_{uuid.uuid4().hex[:8]}", log=log)
    namespace, _, name = arguments.agent_account.rpartition("/")
    account = f"system:serviceaccount:{namespace or access.namespace}:{name}"
    known = Known(frozenset([account]), source.world.node_of, source.world.namespaces)
    drivers: dict[str, Driver] = {
        "objects": ByObjects(access, lambda: source.detected),
        "nodeclass": ByNodeClass(access),
    }
    return source.start(), (ByCluster(access, known),), drivers


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not (port.isascii() and port.isdigit() and len(port) < 6 and int(port) < 65536):
        raise argparse.ArgumentTypeError(f"`{text}` is no HOST:PORT")
    return host, int(port)


def _collector(text: str) -> str:
    from fairway.kit.otlp import problem

    if wrong := problem(text):
        raise argparse.ArgumentTypeError(wrong)
    return text


def _edges(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 7 and int(text) <= 100_000):
        raise argparse.ArgumentTypeError(f"`{text}` is no number of edges from 0 to 100000")
    return int(text)


def _mebibytes(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 8 and int(text) >= 512):
        raise argparse.ArgumentTypeError(f"`{text}` is no number of MiB from 512 on")
    return int(text)
