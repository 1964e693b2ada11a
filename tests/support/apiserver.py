"""A small HTTP server that replays the protocol of a Kubernetes API server; it is none. `FAIRWAY_TEST_KUBECONFIG`
names a real one for the tests that can do with it.

Lists in pages with continuations that may expire, watches with bookmarks that go on at a version, 410 for versions
that were forgotten, 403 and 404 by resource, connections that break, a restart on the same port; objects that are
written, applied under field managers and deleted; TokenReview and SubjectAccessReview by tables.
"""

import copy
import http.server
import queue
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from fairway.kube.access import Access
from fairway.kube.resources import WATCHED
from support.apihandler import KARPENTER, KINDS, Handler, Value
from support.rbac import Asked, chart, granted


class ApiServerReplay:
    """`put` and `delete` objects as other clients do; what is broken is an attribute."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.objects: dict[str, dict[tuple[str, str], Value]] = {}
        self.log: dict[str, list[tuple[int, str, Value]]] = {}
        self.version = 100
        self.oldest = 0
        """Watches from before this version are told 410."""
        self.watchers: dict[str, list[queue.Queue[tuple[str, Any]]]] = {}
        self.asked: Counter[str] = Counter()
        self.watched_from: list[tuple[str, int]] = []
        self.forbidden: set[str] = set()
        self.missing = {
            resource.plural for resource in WATCHED if resource.optional and resource.kind != "StagedNetworkPolicy"
        } | set(KARPENTER)
        self.down = False
        self.failing = 0
        """So many requests are answered 500."""
        self.expired_continues = 0
        """So many continuations are answered 410."""
        self.users: dict[str, Value] = {}
        """What TokenReview says by token: the `status` of the review."""
        self.allowed: set[tuple[str, str, str]] = set()
        """What SubjectAccessReview allows: user, verb, namespace (empty: all)."""
        self.may: Callable[[Asked], bool] = lambda asked: True
        """What who asks may do; who may not is told 403, and it is in `denied`."""
        self.denied: list[Asked] = []
        self.delay = 0.0
        self.validate: Any = lambda plural, value: None
        self._server: http.server.ThreadingHTTPServer | None = None
        self.port = 0

    # As other clients of the cluster.

    def put(self, plural: str, value: Value) -> Value:
        """Create or replace an object."""
        with self.lock:
            key = _key(value)
            kept = copy.deepcopy(value)
            self.version += 1
            old = self.objects.setdefault(plural, {}).get(key)
            metadata = kept.setdefault("metadata", {})
            metadata["resourceVersion"] = str(self.version)
            changed = old is None or old.get("spec") != kept.get("spec")
            metadata["generation"] = (old["metadata"].get("generation", 0) if old else 0) + changed
            metadata.setdefault("creationTimestamp", datetime.now(UTC).isoformat(timespec="seconds"))
            metadata.setdefault("uid", old["metadata"]["uid"] if old else f"uid-{self.version}")
            self.objects[plural][key] = kept
            self._tell(plural, "ADDED" if old is None else "MODIFIED", kept)
            return copy.deepcopy(kept)

    def delete(self, plural: str, name: str, namespace: str = "") -> None:
        with self.lock:
            self.version += 1
            gone = self.objects[plural].pop((namespace, name))
            gone["metadata"]["resourceVersion"] = str(self.version)
            self._tell(plural, "DELETED", gone)

    def bookmark(self) -> int:
        """Tell all watches how far things are; the version."""
        with self.lock:
            self.version += 1
            for plural, watchers in self.watchers.items():
                mark = {"kind": KINDS.get(plural, ""), "metadata": {"resourceVersion": str(self.version)}}
                for watcher in watchers:
                    watcher.put(("BOOKMARK", mark))
            return self.version

    def forget(self) -> None:
        """Versions of before now are too old to watch from."""
        with self.lock:
            self.oldest = self.version

    def reset(self) -> None:
        """Break all watches in the middle of a line."""
        self._end("RESET")

    def end_watches(self) -> None:
        """End all watches in order."""
        self._end("END")

    def gone(self) -> None:
        """Tell all watches 410 as an event."""
        self._end("GONE")

    def _end(self, how: str) -> None:
        with self.lock:
            for watchers in self.watchers.values():
                for watcher in watchers:
                    watcher.put((how, None))

    def _tell(self, plural: str, kind: str, value: Value) -> None:
        kept = copy.deepcopy(value)
        self.log.setdefault(plural, []).append((self.version, kind, kept))
        for watcher in self.watchers.get(plural, ()):
            watcher.put((kind, kept))

    # As a process.

    def start(self) -> None:
        server = self

        class Own(Handler):
            replay = server

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Own)
        self._server.daemon_threads = True
        self.down = False
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self.down = True
            self.reset()
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @property
    def access(self) -> Access:
        return Access(f"http://127.0.0.1:{self.port}", trust=False, token=lambda: "hub-token", namespace="shop")


def _key(value: Value) -> tuple[str, str]:
    return value["metadata"].get("namespace", ""), value["metadata"]["name"]


@contextmanager
def api_server(*, for_hub: bool = False) -> Iterator[ApiServerReplay]:
    """One that runs. `for_hub`: who asks may what the chart grants the hub, rollouts included, and has asked for
    nothing else in the end."""
    server = ApiServerReplay()
    if for_hub:
        server.may = granted(chart(), "fairway/fairway-hub")
    server.start()
    try:
        yield server
        assert not server.denied
    finally:
        server.stop()
