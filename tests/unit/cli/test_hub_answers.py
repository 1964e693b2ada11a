"""Verbs that ask a hub over its API: what a person who logged in sees."""

import json
import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fairway.cli.main import main
from fairway.hub.serve import Listening
from support.askers import tokens
from support.hubs import Serving, serving, until
from support.traffic import tell


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("hub")
    with serving(folder, Listening(port=0, tokens=tokens(folder))) as running:
        tell(running)
        yield running


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config" / "fairway"


def log_in(hub: Serving, folder: Path, token: str = "of viewer") -> int:
    path = folder / "token"
    path.write_text(token)
    return main(["login", hub.door.url, "--token-file", str(path)])


def rows(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    assert main([*words, "--output", "json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_login_is_kept_for_oneself(
    hub: Serving, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert log_in(hub, tmp_path, "of orders") == 0
    assert "as orders, viewer, namespaces: orders; kept in" in capsys.readouterr().out
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "token").stat().st_mode) == 0o600
    assert (home / "token").read_text() == "of orders"


def test_a_token_that_is_wrong_is_not_kept(
    hub: Serving, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert log_in(hub, tmp_path, "of no one") == 2
    assert "the token is not known to this hub" in capsys.readouterr().err
    assert not home.exists()


@pytest.mark.parametrize("way", ["login", "--hub", "--state"])
def test_the_map(hub: Serving, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], way: str) -> None:
    where = {"login": [], "--hub": ["--hub", hub.door.url], "--state": ["--state", str(hub.state.folder)]}[way]
    if way != "--state":
        log_in(hub, tmp_path)
    capsys.readouterr()
    assert main(["map", *where]) == 0
    out = capsys.readouterr().out
    assert re.search(r"ui/ui-1 +orders/orders-1 +TCP 8080 +3 +1000 B +3.9 KiB +6 +0.3 ms", out)
    assert "5 nodes, 4 edges, 6.3 KiB, 6.2 KiB between zones" in out
    assert "would be denied: 1, denied: 1" in out


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["map", "--view", "external"], r"203.0.113.0/24 +TCP 443 +1 +50 B +70 B"),
        (["map", "--pods", "--filter", "dst.port=5432"], r"orders/orders-1 +orders/orders-postgresql-0 +TCP 5432"),
        (["map", "--collapse", "*"], r"namespace ui +namespace orders"),
        (["zones", "--filter", "dst.port=8080"], r"1a +1b +inter-zone +3 +1000 B"),
        (["zones"], r"now: 100% of 6.2 KiB crossed zones, 0.00 USD, 6.3 KiB without a price"),
        (["zones", "--since", "1h", "--before", "2h"], r"1a +1b +0 B +4.9 KiB +new +- +-"),
        (["top-talkers", "--by", "port", "--limit", "1"], r"TCP +8080 +3 +1000 B"),
        (["top-talkers", "--by", "client", "--metric", "connections"], r"orders/orders-1 +9"),
        (["hotspots"], r"ui/ui-1 +orders/orders-1 +TCP 8080 +20.00 % +3"),
        (["edges", "--filter", "dst.port=8080"], r"ui/ui-1 +orders/orders-1 +8080/TCP +3"),
        (["flows", "--filter", "dst.port=443"], r"ui/ui-2 +203.0.113.9 +443/TCP +50 B"),
        (
            ["denials", "--filter", "dst.port=5432"],
            r"denied +4 packets +ingress: a policy isolates orders/orders-postg",
        ),
        (["agents"], r"node-b +[\d.]+ s +[\d.]+ s +0 +"),
    ],
)
def test_what_verbs_print(
    hub: Serving, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], wanted: str
) -> None:
    log_in(hub, tmp_path)
    capsys.readouterr()
    assert main(words) == 0
    assert re.search(wanted, capsys.readouterr().out)


def test_json_is_what_the_api_says(
    hub: Serving, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log_in(hub, tmp_path, "of orders")
    capsys.readouterr()
    assert {edge["server"] for edge in rows(capsys, "map")["edges"]} == {
        "pod orders/Pod/orders-1",
        "pod orders/Pod/orders-postgresql-0",
    }
    assert [row["share"] for row in rows(capsys, "hotspots", "--limit", "1")] == [0.2]
    assert len(rows(capsys, "flows")) == 6


def test_flows_are_followed(hub: Serving, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log_in(hub, tmp_path)
    live = hub.answers.hub.live
    command = [sys.executable, "-m", "fairway.cli.main", "flows", "--follow", "--filter", "dst.port=4711"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as follower:
        assert follower.stdout
        try:
            until(lambda: live.listeners == 1)
            follow(hub)
            line = follower.stdout.readline()
            follower.send_signal(signal.SIGINT)
            assert follower.wait(20) == 130
        finally:
            follower.kill()
    assert re.match(r"\d\d:\d\d:\d\d  ui/ui-1 -> 203.0.113.9  4711/TCP  7 B out, 0 B in$", line)


def follow(hub: Serving) -> None:
    import time

    from fairway.wire.words import Initiator
    from support.reports import UI, report

    at = time.time_ns() // 1000
    hub.put(report(UI, "203.0.113.9", 4711, Initiator.POD, sequence=77, at=at, connections=1, tx_bytes=7))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["map", "--hub", "https://elsewhere"], "no token for `https://elsewhere`; give --token-file FILE, or"),
        (["map", "--hub", "https://x", "--state", "/tmp"], "--hub and --state name two hubs; give one of them"),
        (["map", "--filter", "x"], "filter: at character 1: `x` where a term should be"),
        (["flows", "x.parquet", "--follow"], "--follow is of a hub; a file does not grow"),
        (["login", "hub.example"], "`hub.example` is no URL; write https://HOST:PORT"),
        (["login", "http://127.0.0.1:1", "--token-file", "/dev/null"], "the token is no plain text"),
    ],
)
def test_mistakes(
    hub: Serving, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    log_in(hub, tmp_path)
    capsys.readouterr()
    assert main(words) == 2
    assert said in capsys.readouterr().err


def test_a_token_that_others_may_read_is_not_used(
    hub: Serving, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log_in(hub, tmp_path)
    (home / "token").chmod(0o644)
    assert main(["map"]) == 2
    assert "others may read it; run `chmod 600` on it" in capsys.readouterr().err
