"""A real browser before a real hub, filled with the lab's recording; pages of it for whoever may see so much."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from fairway.hub.api.console import BUILT
from fairway.hub.auth import Role
from fairway.hub.client import Door, hub_of, read_door
from fairway.hub.state import State
from support.hubs import Serving, until
from support.provider import Provider, provider
from support.recorded import recorded_hub

expect.set_options(timeout=20_000)  # a deadline, not a pause: others may be using the machine
CHROMIUM = shutil.which("chromium") or ""
AXE = Path(__file__).parents[2] / "console" / "node_modules" / "axe-core" / "axe.min.js"
_MOVED = """
window.moved = 0;
new PerformanceObserver((list) => { for (const one of list.getEntries()) window.moved += one.value; })
  .observe({ type: "layout-shift", buffered: true });
"""
PICTURES = Path(os.environ.get("FAIRWAY_PICTURES", Path(__file__).parents[2] / "build" / "console"))
"""Where screenshots are kept for a person to look at."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is missing is a skip for a person, and a failure where it should be there."""
    missing = [what for what, there in (("chromium", CHROMIUM), ("the built console", BUILT.is_dir())) if not there]
    here = Path(__file__).parent
    for item in items if missing and not os.environ.get("CI") else ():
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.skip(reason=f"{missing[0]} is missing; make setup"))


@pytest.fixture(scope="package")
def people() -> Iterator[Provider]:
    """Where people of the hub sign in; those of the group `ops` are operators."""
    with provider() as found:
        yield found


@pytest.fixture(scope="package")
def hub(people: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("hub")
    settings, secret = folder / "oidc.yaml", folder / "secret"
    secret.write_text("any that this provider takes")
    told = {"issuer": people.issuer, "audience": "fairway", "secret_file": str(secret)}
    settings.write_text(json.dumps({**told, "rules": [{"value": "ops", "role": "operator"}]}))
    with recorded_hub(folder, oidc=settings) as running:
        yield running


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with sync_playwright() as player:
        # Root, as in a container, has no sandbox of the browser's own.
        running = player.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


class Apart(NamedTuple):
    """A hub in a process of its own: one process has one database."""

    state: State
    door: Door


@contextmanager
def hub_process(folder: Path, port: int = 0, *more: object) -> Iterator[Apart]:
    """A hub of a folder's manifests that can end for itself, from when it answers."""
    state = State(folder / "state")
    state.door.unlink(missing_ok=True)
    command = [sys.executable, "-m", "fairway.cli.main", "hub", "--state", state.folder, "--listen"]
    process = subprocess.Popen([*command, f"127.0.0.1:{port}", "--cluster", folder / "cluster", *more])
    try:
        until(lambda: read_door(state) is not None and hub_of(state).ready(), 60)
        door = read_door(state)
        assert door
        yield Apart(state, door)
    finally:
        process.terminate()
        assert process.wait(30) == 0


@dataclass
class Console:
    """A tab. `complaints` are errors that the browser told: of scripts, and of the page's policy."""

    hub: Serving | Apart
    page: Page
    complaints: list[str] = field(default_factory=list)

    def enter(self, path: str = "/", token: str | None = None) -> None:
        """Open a page, signed in."""
        shown = token or self.hub.state.token(Role.OPERATOR).read_text()
        mark = "&" if "#" in path else "#"
        self.page.goto(f"{self.hub.door.url}{path}{mark}token={shown}")
        self.page.wait_for_selector("nav[aria-label=Pages]")

    def open(self, path: str) -> None:
        """Open another page in the same tab, from the address bar."""
        self.page.goto(f"{self.hub.door.url}{path}")
        self.settle()

    def settle(self) -> None:
        """Wait until nothing is being asked for."""
        self.page.wait_for_selector("main h1")
        self.page.wait_for_selector(".run.on", state="detached")

    @property
    def address(self) -> str:
        """What a colleague would be sent."""
        return self.page.url.removeprefix(self.hub.door.url)

    def moved(self) -> float:
        """How far what was there already was moved since the page was opened, by what came later: the sum of the
        browser's layout shifts. Parts of a thousandth are clocks that tick."""
        return round(self.page.evaluate("window.moved"), 3)

    def faults(self) -> list[str]:
        """What axe finds against WCAG 2.2 AA, a line each."""
        self.page.evaluate(AXE.read_text())
        tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
        found = self.page.evaluate("(tags) => axe.run(document, {runOnly: tags})", tags)
        return [
            f"{one['id']}: {one['help']}: {'; '.join(node['html'][:120] for node in one['nodes'][:3])}"
            for one in found["violations"]
        ]


@pytest.fixture
def console(hub: Serving, browser: Browser) -> Iterator[Console]:
    yield from _tab(hub, browser)


Tab = Callable[..., Console]


@pytest.fixture
def tab(browser: Browser) -> Iterator[Tab]:
    """Makes tabs before other hubs, or of other sizes and themes."""
    made: list[Iterator[Console]] = []

    def make(hub: Serving, **options: Any) -> Console:
        made.append(_tab(hub, browser, **options))
        return next(made[-1])

    yield make
    for one in made:
        next(one, None)


def _tab(hub: Serving, browser: Browser, **options: Any) -> Iterator[Console]:
    chosen = {"viewport": {"width": 1440, "height": 900}, "reduced_motion": "reduce", **options}
    context = browser.new_context(**chosen)
    context.set_default_timeout(20_000)
    console = Console(hub, context.new_page())
    console.page.add_init_script(_MOVED)
    console.page.on("pageerror", lambda error: console.complaints.append(str(error)))
    console.page.on(
        "console",
        lambda told: console.complaints.append(told.text) if "Content Security Policy" in told.text else None,
    )
    yield console
    context.close()
    assert console.complaints == []
