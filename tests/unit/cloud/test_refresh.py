"""Ranges fetched from an address that a person gives: checked before they take the old ones' place."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from fairway.cli.main import main
from fairway.cloud.ranges import read_ranges
from fairway.cloud.refresh import refresh
from fairway.kit.errors import EnvironmentLacksError, UsageError

LIST = {"createDate": "2026-11-22-00-00-00", "prefixes": [{"ip_prefix": "198.18.0.0/24", "service": "S3"}]}
PAGES = {
    "/ranges.json": json.dumps(LIST).encode(),
    "/page.html": b"<html>",
    "/empty.json": b'{"prefixes": []}',
}


class Pages(BaseHTTPRequestHandler):
    """Answers PAGES; /moved leads to the list, /out to a file."""

    def do_GET(self) -> None:
        target = {"/moved": "/ranges.json", "/out": "file:///etc/hostname"}.get(self.path)
        if target:
            self.send_response(302)
            self.send_header("Location", target)
            self.end_headers()
            return
        content = PAGES.get(self.path)
        self.send_response(200 if content is not None else 404)
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("page", ["/ranges.json", "/moved"])
def test_a_list_is_put_in_place(site: str, page: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "ranges.json"
    assert main(["ranges", "refresh", "--url", site + page, "--out", str(out)]) == 0
    assert capsys.readouterr().out == (f"{out}: AWS, 1 networks of 1 services, published 2026-11-22-00-00-00\n")
    assert read_ranges(out).service("198.18.0.1") == "S3"
    assert main(["ranges", "show", str(out), "--address", "198.18.0.1", "--output", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"address": "198.18.0.1", "service": "S3"}]
    assert main(["ranges", "show", str(out), "--address", "198.19.0.1"]) == 1
    assert main(["ranges", "show", str(out), "--address", "x"]) == 2


def test_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "list.json").write_bytes(PAGES["/ranges.json"])
    found = refresh((tmp_path / "list.json").as_uri(), tmp_path / "out.json")
    assert (found.provider, found.date) == ("AWS", "2026-11-22-00-00-00")


@pytest.mark.parametrize(
    ("page", "error", "said"),
    [
        ("/page.html", UsageError, "is no AWS ip-ranges.json"),
        ("/empty.json", UsageError, "lists no network"),
        ("/none", EnvironmentLacksError, "answers 404"),
        ("/out", EnvironmentLacksError, "answers 302"),
    ],
)
def test_what_is_no_list_leaves_the_old_one(
    site: str, page: str, error: type[Exception], said: str, tmp_path: Path
) -> None:
    out = tmp_path / "ranges.json"
    out.write_bytes(PAGES["/ranges.json"])
    with pytest.raises(error, match=said):
        refresh(site + page, out)
    assert out.read_bytes() == PAGES["/ranges.json"]
    assert [path.name for path in tmp_path.iterdir()] == ["ranges.json"]


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/x", "ranges.json", "http://[", ""])
def test_other_addresses_are_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no http, https or file address"):
        refresh(url, tmp_path / "out.json")


def test_nobody_answers(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentLacksError, match="cannot be reached"):
        refresh("http://127.0.0.1:9/x", tmp_path / "out.json", timeout=5)
