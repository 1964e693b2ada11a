"""The map: what the hub placed is what is picked, by pointer, by keyboard, by link, and as a table."""

import json
import re
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Route, expect

from browser.conftest import PICTURES, Console, Tab
from support.askers import answer
from support.hubs import Serving

UI, CATALOG = "pod ui/Deployment/ui", "pod catalog/Deployment/catalog"
EDGE = f"{UI}>{CATALOG}"
VIEW = (-260, -760, 0.6)
"""Corner and scale of a view that has all of the recording's map in it."""


def drawn(console: Console) -> None:
    console.page.wait_for_selector("canvas[data-drawn]")
    console.settle()


def told(hub: Serving) -> Any:
    return answer(hub, "/api/v1/map", collapse="auto")


def spot(hub: Serving, name: str) -> tuple[float, float]:
    """Where the middle of a node is on the screen under VIEW, from the corner of the map."""
    box = next(node["box"] for node in told(hub)["nodes"] if node["id"] == name)
    x, y, scale = VIEW
    return (box["x"] + box["width"] / 2 - x) * scale, (box["y"] + box["height"] / 2 - y) * scale


def test_the_pointer_picks_what_the_hub_placed(hub: Serving, console: Console) -> None:
    console.enter(f"/map?at={','.join(map(str, VIEW))}")
    drawn(console)
    page, map_ = console.page, console.page.locator(".map")
    across, down = spot(hub, UI)
    map_.click(position={"x": across, "y": down})
    page.get_by_role("heading", name="ui/ui").wait_for()
    assert "pick=pod+ui/Deployment/ui" in console.address
    # One hop more, and one step back in the history for each.
    other = spot(hub, CATALOG)
    map_.click(position={"x": other[0], "y": other[1]}, modifiers=["Shift"])
    expect(page.get_by_text("Shows 2 hops")).to_be_visible()
    assert "hops=2" in console.address
    page.go_back()
    assert "hops" not in console.address
    page.get_by_role("complementary").get_by_role("button", name="catalog/catalog").click()
    page.get_by_role("heading", name="ui/ui → catalog/catalog").wait_for()
    page.locator("figure canvas").wait_for()
    page.get_by_role("heading", name="Seen").wait_for()
    page.get_by_role("heading", name="Replicas").wait_for()
    link = console.address
    page.keyboard.press("Escape")
    page.get_by_role("heading", name="Legend").wait_for()
    console.open(link)
    page.get_by_role("heading", name="ui/ui → catalog/catalog").wait_for()


def test_the_keyboard_does_it_all(console: Console) -> None:
    console.enter("/map")
    drawn(console)
    page = console.page
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "map-search"
    page.keyboard.type("mysql")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="catalog/catalog-mysql").wait_for()
    page.get_by_role("application").focus()
    page.keyboard.press("ArrowUp")
    expect(page.locator(".map [aria-live]")).to_contain_text("catalog/catalog, ")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="catalog/catalog", exact=True).wait_for()
    page.keyboard.press("Shift+Enter")
    assert "hops=2" in console.address
    for key in ("+", "-", "Shift+ArrowLeft"):
        page.keyboard.press(key)
    expect(page).to_have_url(re.compile("at="))
    page.keyboard.press("0")
    expect(page).not_to_have_url(re.compile("at="))
    page.keyboard.press("Escape")
    page.get_by_role("heading", name="Legend").wait_for()


def test_the_table_says_what_the_picture_shows(hub: Serving, console: Console) -> None:
    console.enter("/map?show=table")
    rows = len(told(hub)["edges"])
    grid = console.page.get_by_role("grid", name="Edges of the map")
    expect(grid).to_have_attribute("aria-rowcount", str(rows + 1))
    grid.get_by_role("row").filter(has_text="mysql").first.click()
    console.page.get_by_role("heading", name="catalog/catalog → catalog/catalog-mysql").wait_for()
    slider = console.page.get_by_label("At least")
    slider.fill("60")
    expect(grid).not_to_have_attribute("aria-rowcount", str(rows + 1))
    assert "least=" in console.address
    expect(console.page.locator(".sentence")).to_contain_text("below the threshold")


def test_namespaces_fold_and_replicas_unfold(hub: Serving, console: Console) -> None:
    console.enter(f"/map?pick={quote(CATALOG)}")
    drawn(console)
    page = console.page
    page.get_by_role("button", name="Collapse catalog").click()
    page.get_by_role("heading", name="namespace catalog").wait_for()
    assert "fold=catalog" in console.address
    page.get_by_role("button", name="Unfold").click()
    expect(page.locator(".sentence")).not_to_contain_text("collapsed")
    console.open(f"/map?pick={quote(CATALOG)}")
    before = {node["id"]: node["box"] for node in told(hub)["nodes"]}
    page.get_by_role("button", name="Unfold").click()
    expect(page.get_by_role("button", name="Fold", exact=True)).to_be_visible()
    assert "unfold=catalog/Deployment/catalog" in console.address
    now = answer(hub, "/api/v1/map", collapse="auto", unfold="catalog/Deployment/catalog")["nodes"]
    assert [node["box"] for node in now if node["id"] in before] == [
        before[node["id"]] for node in now if node["id"] in before
    ]
    assert {node["replica"] for node in now} > {""}
    console.settle()
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / "map-unfolded.png")
    page.get_by_role("button", name="Fold", exact=True).click()
    expect(page.get_by_role("button", name="Unfold")).to_be_visible()
    page.get_by_role("button", name="Replicas", exact=True).last.click()
    expect(page.locator(".sentence")).to_contain_text("replicas")
    assert "grain=replica" in console.address
    assert "namespace=catalog" in console.address


def test_layers_and_widths_are_in_the_link(console: Console) -> None:
    console.enter("/map")
    drawn(console)
    page = console.page
    for layer, words in {"Policy": "unprotected", "Health": "sends again", "Zones": "between zones"}.items():
        page.get_by_role("button", name=layer, exact=True).click()
        expect(page.get_by_role("complementary", name="Legend")).to_contain_text(words)
        assert f"layer={layer.lower()}" in console.address
    page.get_by_role("combobox", name="Width").select_option("packets")
    assert "metric=packets" in console.address
    expect(page.get_by_role("complementary", name="Legend")).to_contain_text("Width: packets")


def test_the_old_picture_stays_until_the_new_one_is_there(console: Console) -> None:
    console.enter("/map")
    drawn(console)
    held: list[Route] = []
    console.page.route("**/api/v1/map?*", lambda route: held.append(route))
    console.page.get_by_label("Time range").select_option("15m")
    console.page.wait_for_selector(".run.on")
    assert held
    assert console.page.locator("canvas[data-drawn]").is_visible()
    expect(console.page.locator(".sentence")).to_contain_text("workloads")
    held[0].fulfill(status=503, headers={"Retry-After": "60"}, body="{}", content_type="application/json")
    console.page.locator("main [role=alert]").wait_for()
    assert console.page.locator("canvas[data-drawn]").is_visible()
    console.page.unroute("**/api/v1/map?*")


def test_it_is_kept_as_a_file(console: Console) -> None:
    console.enter("/map")
    drawn(console)
    page, files = console.page, {}
    page.get_by_text("Save", exact=True).click()
    for form in ("PNG", "SVG", "JSON"):
        with page.expect_download() as coming:
            page.get_by_role("button", name=form, exact=True).click()
        files[form] = coming.value.path().read_bytes()
    assert files["PNG"].startswith(b"\x89PNG")
    assert b">catalog-mysql</text>" in files["SVG"]
    assert UI in {node["id"] for node in json.loads(files["JSON"])["nodes"]}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_is_in_the_way_of_anybody(hub: Serving, tab: Tab, theme: str) -> None:
    console = tab(hub, color_scheme=theme)
    console.enter("/map")
    faults = {}
    for name, path in {
        "map-edge": f"/map?pick={quote(EDGE)}&layer=zones",
        "map-node": f"/map?pick={quote(UI)}&layer=policy",
        "map-table": "/map?show=table",
        "map-folded": "/map?fold=ui,catalog,carts&layer=health",
    }.items():
        console.open(path)
        console.page.wait_for_selector("canvas[data-drawn], [role=grid]")
        if name == "map-edge":
            console.page.get_by_role("heading", name="Replicas").wait_for()
            console.settle()
        PICTURES.mkdir(parents=True, exist_ok=True)
        console.page.screenshot(path=PICTURES / f"{name}-{theme}.png")
        faults[name] = console.faults()
    assert {name: found for name, found in faults.items() if found} == {}
