"""The hub's sockets."""

from pathlib import Path

import httpx

from fairway.hub.serve import Listening
from support.hubs import serving


def test_without_a_host_it_answers_on_both_families(tmp_path: Path) -> None:
    with serving(tmp_path, Listening(host="", port=0)) as hub:
        port = httpx.URL(hub.door.url).port
        for host in ("127.0.0.1", "[::1]"):
            assert httpx.get(f"http://{host}:{port}/healthz", trust_env=False).status_code == 200
        assert hub.door.url == f"http://127.0.0.1:{port}", "where verbs on this machine come in"
