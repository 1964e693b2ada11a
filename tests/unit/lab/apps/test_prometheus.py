import json
import socketserver
from collections.abc import Callable
from pathlib import Path

from fairway.lab.apps import web
from fairway.lab.apps.prometheus import Scraper
from fairway.lab.apps.web import Reply, Request

_METRICS = b"a 1\nb 2\n"
Run = Callable[[socketserver.TCPServer], int]


def test_targets_come_from_the_file_and_one_that_is_down_is_told(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "targets.json"
    up = f"127.0.0.1:{run(web.server(0, lambda _: Reply(200, _METRICS)))}"
    file.write_text(json.dumps([{"targets": [up]}, {"targets": ["127.0.0.1:1"]}]))
    scraper = Scraper(file)
    scraper.scrape()
    reply = json.loads(scraper.answer(Request("GET", "/api/v1/targets", b"")).body)
    assert reply == {up: {"up": True, "samples": 2}, "127.0.0.1:1": {"up": False, "samples": -1}}
    assert scraper.answer(Request("GET", "/-/ready", b"")).status == 200


def test_no_file_yet_means_no_targets(tmp_path: Path) -> None:
    scraper = Scraper(tmp_path / "none.json")
    scraper.scrape()
    assert scraper.samples == {}
