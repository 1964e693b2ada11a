"""`prometheus TARGETS`: scrapes pods by their addresses, which it takes from a file-discovery file."""

import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from fairway.lab.apps.web import Reply, Request, fetch, server, told

PORT: Final = 9090
SCRAPE_SECONDS: Final = 5.0


class Scraper:
    """Knows for each target whether its last scrape worked and how many samples it had."""

    def __init__(self, targets: Path) -> None:
        self._file = targets
        self.samples: dict[str, int] = {}

    def scrape_for_ever(self) -> None:
        while True:
            started = time.monotonic()
            self.scrape()
            time.sleep(max(0.1, SCRAPE_SECONDS - (time.monotonic() - started)))

    def scrape(self) -> None:
        """Scrape every target once."""
        addresses = self._targets()
        with ThreadPoolExecutor(4) as pool:
            self.samples = dict(zip(addresses, pool.map(self._scrape, addresses), strict=True))

    def answer(self, request: Request) -> Reply:
        if request.path == "/-/ready":
            return Reply(200, b"ready\n", "text/plain")
        return told(200, {target: {"up": count >= 0, "samples": count} for target, count in self.samples.items()})

    def _targets(self) -> list[str]:
        try:
            groups = json.loads(self._file.read_text())
        except (OSError, ValueError):
            return []
        return [target for group in groups for target in group["targets"]]

    def _scrape(self, target: str) -> int:
        try:
            status, body = fetch(f"http://{target}/metrics", timeout=1.5)
        except OSError:
            return -1
        return len(body.splitlines()) if status == 200 else -1


def main(targets: str) -> None:
    """Scrape until killed; `/api/v1/targets` tells what came."""
    scraper = Scraper(Path(targets))
    threading.Thread(target=scraper.scrape_for_ever, daemon=True).start()
    server(PORT, scraper.answer).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
