"""A hub on an API server that is replayed, with the nodes and pods of `support.reports`."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fairway.hub.control import read_feed
from fairway.hub.serve import Listening
from fairway.kube.by_objects import ByObjects
from fairway.kube.identity import ByCluster, Known
from fairway.kube.source import ApiServer
from fairway.kube.watch import Pace
from support.apiserver import ApiServerReplay, api_server
from support.hubs import Serving, serving_from, until
from support.reports import write_cluster

PLURALS = {"Namespace": "namespaces", "Node": "nodes", "Pod": "pods", "Service": "services"}
ACCOUNT = "system:serviceaccount:fairway:fairway-agent"


@contextmanager
def cluster_of_nodes(folder: Path) -> Iterator[ApiServerReplay]:
    """An API server that has them."""
    with api_server(for_hub=True) as running:
        for value in json.loads((write_cluster(folder / "cluster") / "all.json").read_text())["items"]:
            running.put(PLURALS[value["kind"]], value)
        yield running


@contextmanager
def hub_on(server: ApiServerReplay, folder: Path) -> Iterator[tuple[Serving, ApiServer]]:
    """A hub of it at work, which has told its agents what to do."""
    source = ApiServer(server.access, pace=Pace(first=0.02, longest=0.2, recheck=0.2)).start()
    known = Known(frozenset([ACCOUNT]), source.world.node_of, source.world.namespaces, holds=0.0)
    listening = Listening(port=0, others=(ByCluster(server.access, known),))
    drivers = {"objects": ByObjects(server.access, lambda: source.detected)}
    try:
        with serving_from(source, folder, listening, drivers=drivers) as hub:
            until(lambda: read_feed(hub.state, "node-c"))
            yield hub, source
    finally:
        source.close()
