"""What it takes a hub to watch a large cluster: memory and time, from a server of real HTTP that has made-up pods.

Prints one JSON object. The watching is a process of its own, so that its memory is not the server's; the baseline
is the same process before it begins.
"""

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from fairway.kube.access import Access
from fairway.kube.source import ApiServer

REPLICAS = 10


def pod(index: int) -> dict[str, Any]:
    """About as large as pods are: 6 KiB of JSON, most of which nobody reads."""
    workload = f"app-{index // REPLICAS}"
    env = [{"name": f"SETTING_{n}", "value": f"http://service-{n}.{workload}.svc:8080/path"} for n in range(12)]
    return {
        "metadata": {
            "name": f"{workload}-5d8f-{index:06}",
            "namespace": f"ns-{index % 200}",
            "uid": f"{index:08}-0000-4000-8000-000000000000",
            "resourceVersion": str(index),
            "creationTimestamp": "2026-11-01T00:00:00Z",
            "labels": {"app": workload, "pod-template-hash": "5d8f", "team": f"team-{index % 30}"},
            "managedFields": [{"manager": "kubelet", "fieldsV1": {f"f:status{n}": {} for n in range(60)}}],
            "ownerReferences": [{"kind": "ReplicaSet", "name": f"{workload}-5d8f", "controller": True}],
        },
        "spec": {
            "nodeName": f"node-{index % 500}",
            "containers": [
                {
                    "name": "main",
                    "image": f"registry.example.com/{workload}@sha256:{'0' * 64}",
                    "env": env,
                    "ports": [{"name": "http", "containerPort": 8080}],
                    "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
                    "volumeMounts": [{"name": "token", "mountPath": "/var/run/secrets", "readOnly": True}],
                }
            ],
            "volumes": [{"name": "token", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}],
            "tolerations": [{"key": f"k{n}", "operator": "Exists", "effect": "NoExecute"} for n in range(6)],
        },
        "status": {
            "phase": "Running",
            "podIPs": [{"ip": f"10.{index >> 16 & 255}.{index >> 8 & 255}.{index & 255}"}],
            "conditions": [{"type": kind, "status": "True"} for kind in ("Ready", "Initialized", "PodScheduled")],
        },
    }


def service(index: int) -> dict[str, Any]:
    """One with a port."""
    return {
        "metadata": {"name": f"svc-{index}", "namespace": f"ns-{index % 200}", "resourceVersion": str(index)},
        "spec": {
            "clusterIPs": [f"172.{16 + (index >> 16)}.{index >> 8 & 255}.{index & 255}"],
            "selector": {"app": f"app-{index}"},
            "ports": [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}],
        },
    }


def slice_of(index: int) -> dict[str, Any]:
    """A Service's, with two endpoints."""
    ends = [{"addresses": [pod(index * 2 + n)["status"]["podIPs"][0]["ip"]]} for n in range(2)]
    return {
        "metadata": {
            "name": f"svc-{index}-x",
            "namespace": f"ns-{index % 200}",
            "labels": {"kubernetes.io/service-name": f"svc-{index}"},
        },
        "addressType": "IPv4",
        "endpoints": ends,
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
    }


class Handler(BaseHTTPRequestHandler):
    """Lists, in pages; watches say nothing."""

    sizes: ClassVar[dict[str, int]] = {}
    made: ClassVar = {"pods": pod, "services": service, "endpointslices": slice_of}
    sent = 0
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        return

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        asked = {key: values[0] for key, values in parse_qs(parts.query).items()}
        plural = parts.path.rpartition("/")[2]
        if "watch" in asked:
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            threading.Event().wait()
        size, start = self.sizes.get(plural, 0), int(asked.get("continue", 0))
        end = min(size, start + int(asked.get("limit", size) or size))
        items = [self.made[plural](index) for index in range(start, end)]
        metadata = {"resourceVersion": "1", "continue": str(end) if end < size else ""}
        body = json.dumps({"metadata": metadata, "items": items}).encode()
        Handler.sent += len(body)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def memory(which: str = "VmRSS") -> int:
    """Of this process, in MiB."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(which))
    return int(line.split()[1]) >> 10


def watch(port: int) -> dict[str, Any]:
    """Watch until everything was seen; what it took."""
    before = memory()
    began = time.process_time()
    source = ApiServer(Access(f"http://127.0.0.1:{port}", trust=False)).start()
    while not source.world.synced:
        time.sleep(0.05)
    listed = time.process_time() - began
    looks = []
    for _ in range(3):
        source._due, source._seen = 0.0, -1
        began = time.process_time()
        sight = source.look()
        looks.append(time.process_time() - began)
    if sight is None:
        raise SystemExit("nothing was seen")
    pods = len(sight.cluster.pods)
    told = {
        "pods": pods,
        "services": len(sight.cluster.services),
        "baseline_mib": before,
        "resident_mib": memory(),
        "peak_mib": memory("VmHWM"),
        "list_cpu_seconds": round(listed, 1),
        "look_cpu_seconds": round(min(looks), 2),
        "kib_a_pod": round((memory() - before) * 1024 / pods, 1),
    }
    source.close()
    return told


def main() -> None:
    """The server in this process, the watching in another."""
    given = argparse.ArgumentParser()
    given.add_argument("--pods", type=int, default=50_000)
    given.add_argument("--services", type=int, default=30_000)
    given.add_argument("--watch", type=int, metavar="PORT")
    chosen = given.parse_args()
    if chosen.watch:
        print(json.dumps(watch(chosen.watch)))  # noqa: T201
        return
    Handler.sizes = {"pods": chosen.pods, "services": chosen.services, "endpointslices": chosen.services}
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    command = [sys.executable, __file__, "--watch", str(server.server_port)]
    done = subprocess.run(command, check=True, capture_output=True, env=dict(os.environ))
    told = {**json.loads(done.stdout), "sent_mib": Handler.sent >> 20, "aim_peak_mib": 1536}
    print(json.dumps(told))  # noqa: T201


if __name__ == "__main__":
    main()
