"""A small HTTP server that replays the protocol of a Kubernetes API server; it is none. `FAIRWAY_TEST_KUBECONFIG`
names a real one for the tests that can do with it.

Lists in pages with continuations that may expire, watches with bookmarks that go on at a version, 410 for versions
that were forgotten, 403 and 404 by resource, connections that break, a restart on the same port; objects that are
written, applied under field managers and deleted; TokenReview and SubjectAccessReview by tables.
"""

import copy
import http.server
import json
import queue
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from fairway.kube.access import Access
from fairway.kube.resources import WATCHED
from support.applied import ConflictError, applied

Value = dict[str, Any]
CORE = ("leases", "tokenreviews", "subjectaccessreviews", "deployments", "daemonsets", "customresourcedefinitions")
KARPENTER = ("nodeclasses", "ec2nodeclasses", "nodeclaims", "nodepools")
KINDS = {resource.plural: resource.kind for resource in WATCHED}


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

        class Handler(_Handler):
            replay = server

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
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


class _Handler(http.server.BaseHTTPRequestHandler):
    replay: ApiServerReplay
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        return

    def do_GET(self) -> None:
        plural, namespace, name, _ = self._where()
        parameters = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
        if self._refused(plural):
            return
        if name:
            with self.replay.lock:
                value = self.replay.objects.get(plural, {}).get((namespace, name))
            self._send(200, value) if value else self._status(404, "NotFound", f"{plural} {name!r} not found")
        elif "watch" in parameters:
            self._watch(plural, namespace, parameters)
        else:
            self._list(plural, namespace, parameters)

    def do_POST(self) -> None:
        plural, namespace, _, _ = self._where()
        body = self._body()
        if self._refused(plural):
            return
        if plural == "tokenreviews":
            status = self.replay.users.get(body["spec"]["token"], {"authenticated": False})
            wanted = body["spec"].get("audiences")
            if wanted and not set(wanted) & set(status.get("audiences", ())):
                status = {"authenticated": False, "error": "token audiences are invalid"}
            self._send(201, {**body, "status": status})
        elif plural == "subjectaccessreviews":
            spec = body["spec"]
            attributes = spec["resourceAttributes"]
            asked = (spec["user"], attributes["verb"], attributes.get("namespace", ""))
            everywhere = (asked[0], asked[1], "")
            allowed = asked in self.replay.allowed or everywhere in self.replay.allowed
            right = attributes["group"] == "fairway.dev" and attributes["resource"] == "flows"
            self._send(201, {**body, "status": {"allowed": allowed and right}})
        else:
            key = (namespace, body["metadata"]["name"])
            if key in self.replay.objects.get(plural, {}):
                self._status(409, "AlreadyExists", f"{plural} {key[1]!r} already exists")
                return
            body["metadata"].setdefault("namespace", namespace)
            self._send(201, self.replay.put(plural, body))

    def do_PUT(self) -> None:
        plural, namespace, name, _ = self._where()
        body = self._body()
        if self._refused(plural):
            return
        with self.replay.lock:
            old = self.replay.objects.get(plural, {}).get((namespace, name))
            given = body["metadata"].get("resourceVersion")
            if old is None or (given and given != old["metadata"]["resourceVersion"]):
                self._status(409, "Conflict", "the object has been modified")
                return
            self._send(200, self.replay.put(plural, body))

    def do_PATCH(self) -> None:
        plural, namespace, name, below = self._where()
        parameters = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
        body = self._body()
        if self._refused(plural):
            return
        with self.replay.lock:
            old = self.replay.objects.get(plural, {}).get((namespace, name))
            if "apply-patch" in self.headers["Content-Type"] and below != "status":
                self._apply(plural, old, body, parameters)
            elif old is None:
                self._status(404, "NotFound", f"{plural} {name!r} not found")
            else:
                self._send(200, self.replay.put(plural, _merged(old, body)))

    def _apply(self, plural: str, old: Value | None, body: Value, parameters: Value) -> None:
        if wrong := self.replay.validate(plural, body):
            self._status(422, "Invalid", wrong)
            return
        try:
            new = applied(old, body, parameters["fieldManager"], force=parameters.get("force") == "true")
        except ConflictError as error:
            self._status(409, "Conflict", str(error))
            return
        self._send(200, new if parameters.get("dryRun") else self.replay.put(plural, new))

    def do_DELETE(self) -> None:
        plural, namespace, name, _ = self._where()
        if self._refused(plural):
            return
        try:
            self.replay.delete(plural, name, namespace)
        except KeyError:
            self._status(404, "NotFound", f"{plural} {name!r} not found")
            return
        self._send(200, {"kind": "Status", "status": "Success"})

    def _where(self) -> tuple[str, str, str, str]:
        """Plural, namespace, name and what is below, from the path."""
        parts = [part for part in urlsplit(self.path).path.split("/") if part]
        rest = parts[2:] if parts[0] == "api" else parts[3:]
        namespace = ""
        if rest[0] == "namespaces" and len(rest) > 2:
            namespace, rest = rest[1], rest[2:]
        return rest[0], namespace, rest[1] if len(rest) > 1 else "", rest[2] if len(rest) > 2 else ""

    def _refused(self, plural: str) -> bool:
        replay = self.replay
        if replay.down:  # what is left of a server that was stopped
            self.close_connection = True
            return True
        if replay.delay:
            time.sleep(replay.delay)
        replay.asked[f"{self.command} {plural}"] += 1
        if self.headers.get("Authorization") != "Bearer hub-token":
            self._status(401, "Unauthorized", "Unauthorized")
        elif plural in replay.missing or (plural not in KINDS and plural not in (*CORE, *KARPENTER)):
            self._status(404, "NotFound", "the server could not find the requested resource")
        elif plural in replay.forbidden:
            self._status(403, "Forbidden", f'{plural} is forbidden: User "hub" cannot list resource "{plural}"')
        elif replay.failing > 0:
            replay.failing -= 1
            self._status(500, "InternalError", "etcdserver: request timed out")
        else:
            return False
        return True

    def _list(self, plural: str, namespace: str, parameters: Value) -> None:
        replay = self.replay
        with replay.lock:
            found = sorted(replay.objects.get(plural, {}).items())
            chosen = dict(pair.split("=") for pair in parameters.get("labelSelector", "").split(",") if pair)
            values = [
                self._shape(value)
                for key, value in found
                if namespace in ("", key[0]) and chosen.items() <= (value["metadata"].get("labels") or {}).items()
            ]
            version = replay.version
        start, asked_at = 0, version
        if token := parameters.get("continue"):
            if replay.expired_continues > 0:
                replay.expired_continues -= 1
                self._status(410, "Expired", "The provided continue parameter is too old")
                return
            start, asked_at = map(int, token.split("@"))
        limit = int(parameters.get("limit", 0)) or len(values)
        end = start + limit
        following = f"{end}@{asked_at}" if end < len(values) else ""
        metadata = {"resourceVersion": str(asked_at), "continue": following}
        self._send(200, {"kind": "List", "metadata": metadata, "items": values[start:end]})

    def _shape(self, value: Value) -> Value:
        if "as=PartialObjectMetadata" in self.headers.get("Accept", ""):
            return {"kind": "PartialObjectMetadata", "metadata": value["metadata"]}
        return value

    def _watch(self, plural: str, namespace: str, parameters: Value) -> None:
        replay = self.replay
        since = int(parameters.get("resourceVersion") or 0)
        events: queue.Queue[tuple[str, Any]] = queue.Queue()
        with replay.lock:
            replay.watched_from.append((plural, since))
            if since < replay.oldest:
                self._status(410, "Expired", "too old resource version")
                return
            for version, kind, value in replay.log.get(plural, ()):
                if version > since:
                    events.put((kind, value))
            replay.watchers.setdefault(plural, []).append(events)
        try:
            self._stream(events, namespace, time.monotonic() + int(parameters.get("timeoutSeconds", 300)))
        finally:
            with replay.lock:
                replay.watchers[plural].remove(events)

    def _stream(self, events: "queue.Queue[tuple[str, Any]]", namespace: str, until: float) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while True:
            try:
                kind, value = events.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                break
            if kind == "END":
                break
            if kind == "RESET":
                self._chunk(b'{"type":"ADDED","object":{"metad')
                self.close_connection = True
                self.connection.close()
                return
            if kind == "GONE":
                kind, value = "ERROR", {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}
            shaped = value if kind in ("BOOKMARK", "ERROR") else self._shape(value)
            line = json.dumps({"type": kind, "object": shaped}).encode() + b"\n"
            self._chunk(line[: len(line) // 2])  # events come in whatever pieces the network makes of them
            self._chunk(line[len(line) // 2 :])
        self._chunk(b"")

    def _chunk(self, content: bytes) -> None:
        try:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(content), content))
            self.wfile.flush()
        except OSError:
            self.close_connection = True

    def _body(self) -> Value:
        value: Value = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        return value

    def _send(self, status: int, value: Any) -> None:
        content = json.dumps(value).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except OSError:
            self.close_connection = True

    def _status(self, code: int, reason: str, message: str) -> None:
        self._send(
            code, {"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message}
        )


def _key(value: Value) -> tuple[str, str]:
    return value["metadata"].get("namespace", ""), value["metadata"]["name"]


def _merged(old: Value, patch: Value) -> Value:
    """RFC 7386."""
    made = copy.deepcopy(old)
    for key, value in patch.items():
        if value is None:
            made.pop(key, None)
        elif isinstance(value, dict) and isinstance(made.get(key), dict):
            made[key] = _merged(made[key], value)
        else:
            made[key] = copy.deepcopy(value)
    return made


@contextmanager
def api_server() -> Iterator[ApiServerReplay]:
    """One that runs."""
    server = ApiServerReplay()
    server.start()
    try:
        yield server
    finally:
        server.stop()
