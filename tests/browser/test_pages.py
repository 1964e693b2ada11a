"""Every page in both themes: nothing that axe finds or its own policy forbids, nothing that moves, a picture."""

import pytest

from browser.conftest import PICTURES, Console, Tab
from support.hubs import Serving

PAGES = {
    "overview": "/",
    "map": "/map",
    "flows": "/flows?view=cluster",
    "policies": "/policies?pick=orders/orders&rule=ingress[0]",
    "explain": "/policies?tab=explain&from=ui/ui&to=carts/carts&port=8080",
    "trial": "/policies?tab=trial",
    "rollouts": "/rollouts",
    "zones": "/zones?compare=1",
    "agents": "/agents?pick=node-a",
    "anomalies": "/anomalies",
    "investigate": "/investigate?subject=ui/ui",
    "order": "/rollouts?new=1",
}
CUT = """() => [...document.querySelectorAll(
    "html, [role=banner], [role=banner] button, nav[aria-label=Pages] a, main header, h1, main button, .button"
  )].filter((one) => one.checkVisibility() && one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 0)
    .map((one) => `${one.tagName} ${one.textContent.trim().slice(0, 40)}`)"""
"""What does not fit into itself."""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages(hub: Serving, tab: Tab, theme: str) -> None:
    console = tab(hub, color_scheme=theme)
    console.enter()
    faults: list[str] = []
    for name, path in PAGES.items():
        console.open(path)
        PICTURES.mkdir(parents=True, exist_ok=True)
        console.page.screenshot(path=PICTURES / f"{name}-{theme}.png")
        faults += [f"{name}: {fault}" for fault in console.faults()]
        faults += [f"{name}: moves by {moved}" for moved in [console.moved()] if moved]
        for width, height in ((1280, 720), (3840, 2160)) if theme == "light" else ():
            console.page.set_viewport_size({"width": width, "height": height})
            faults += [f"{name}: at {width}: cut: {one}" for one in console.page.evaluate(CUT)]
        console.page.set_viewport_size({"width": 1440, "height": 900})
    # Who wants less motion has none.
    assert console.page.evaluate("document.getAnimations().length") == 0
    console.page.keyboard.press("?")
    faults += [f"keys: {fault}" for fault in console.faults()]
    assert faults == []


def test_signing_in_is_open_to_all(hub: Serving, tab: Tab) -> None:
    console = tab(hub)
    console.page.goto(hub.door.url)
    console.page.get_by_label("Token of").wait_for()
    assert console.faults() == []


def test_keys_go_everywhere(console: Console) -> None:
    console.enter()
    page = console.page
    for key, path in {"3": "/flows", "5": "/rollouts", "6": "/zones", "9": "/investigate", "1": "/"}.items():
        page.keyboard.press(key)
        console.settle()
        assert console.address == path
    page.keyboard.press("l")
    assert console.address == "/?live=1"
    page.keyboard.press("[")
    assert "until=" in console.address
    page.keyboard.press("]")
    page.keyboard.press("l")
    assert console.address == "/"
    page.keyboard.press("f")
    assert page.evaluate("document.activeElement.id") == "filter"
    # While somebody writes, letters are letters.
    page.keyboard.type("3")
    assert page.get_by_label("Filter", exact=True).input_value() == "3"


def test_a_theme_is_in_the_link_and_remembered(console: Console) -> None:
    console.enter()
    before = console.page.evaluate("document.documentElement.dataset.theme")
    console.page.keyboard.press("t")
    after = console.page.evaluate("document.documentElement.dataset.theme")
    assert before != after
    assert console.address == f"/?theme={after}"
    console.open("/flows")
    assert console.page.evaluate("document.documentElement.dataset.theme") == after
