"""How the replayed API server answers over HTTP: verbs, pages, watches, reviews, refusals."""

import copy
import http.server
import json
import queue
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from fairway.kube.resources import WATCHED
from support.applied import ConflictError, applied
from support.rbac import Asked

if TYPE_CHECKING:
    from support.apiserver import ApiServerReplay

Value = dict[str, Any]
CORE = (
    *("leases", "tokenreviews", "subjectaccessreviews", "deployments", "daemonsets", "customresourcedefinitions"),
    *("secrets", "configmaps"),
)
KARPENTER = ("nodeclasses", "ec2nodeclasses", "nodeclaims", "nodepools")
KINDS = {resource.plural: resource.kind for resource in WATCHED}
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


class Handler(http.server.BaseHTTPRequestHandler):
    replay: "ApiServerReplay"
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        return

    def do_GET(self) -> None:
        plural, namespace, name, _ = self._where()
        parameters = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
        if self._refused(plural, "get" if name else "watch" if "watch" in parameters else "list"):
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
                if old is not None or self._may("create"):
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

    def _refused(self, plural: str, verb: str = "") -> bool:
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
            return not self._may(verb or _VERBS[self.command])
        return True

    def _may(self, verb: str) -> bool:
        """Whether RBAC allows it; who may not is told so."""
        parts = [part for part in urlsplit(self.path).path.split("/") if part]
        plural, namespace, name, below = self._where()
        resource = f"{plural}/{below}" if below else plural
        asked = Asked("" if parts[0] == "api" else parts[1], resource, verb, namespace, name)
        if self.replay.may(asked):
            return True
        self.replay.denied.append(asked)
        self._status(403, "Forbidden", f'{plural} is forbidden: User "hub" cannot {verb} resource "{resource}"')
        return False

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
