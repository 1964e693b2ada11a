"""From an anomaly to what may be behind it, and what people say of it; from the map, a node, an alert."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from browser.conftest import PICTURES, Apart, Console, Tab, hub_process
from fairway.hub.anomalies.book import Book
from fairway.hub.state import State
from fairway.hub.store import write_flows
from fairway.signals.finding import Finding
from support.askers import answer, tokens
from support.hubs import until
from support.recorded import write_recorded_cluster
from support.slow import EDGE, slow_flows

HOUR = int(time.time()) // 3600 - 2
MOMENT = datetime.fromtimestamp(HOUR * 3600 + 1800, UTC)
AT = f"{MOMENT:%Y-%m-%dT%H:%M:%SZ}"

ANOMALY = Finding(
    kind="failures",
    subject=EDGE,
    client="shop/ui",
    server="data/db",
    port=5432,
    protocol="TCP",
    hour=HOUR,
    what="500 of 2000 connections failed, 25.00%",
    compared="0.08% in the 672 hours before, 0.25% in the worst of them",
    sure=0.98,
)


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apart]:
    """A hub that found an anomaly of the edge whose second server replica was slow."""
    folder = tmp_path_factory.mktemp("slow")
    state = State(folder / "state")
    write_recorded_cluster(folder / "cluster")
    state.imports.mkdir(parents=True)
    write_flows(state.imports / "slow.parquet", slow_flows(MOMENT))
    Book(state.anomalies).add([ANOMALY], HOUR, whole=True)
    with hub_process(folder, 0, "--tokens", tokens(folder)) as running:
        until(lambda: not list(state.imports.glob("*.parquet")), 60)
        yield running


def picture(console: Console, name: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    for theme in ("dark", "light"):
        console.page.emulate_media(color_scheme=theme)
        console.page.screenshot(path=PICTURES / f"{name}-{theme}.png")
        assert console.faults() == []


def test_from_an_anomaly_to_what_may_be_behind_it(slow: Apart, tab: Tab) -> None:
    console = tab(slow, color_scheme="light")
    console.enter("/anomalies")
    page, panel = console.page, console.page.get_by_role("complementary")
    page.get_by_role("row").filter(has_text="failures").click()
    expect(panel).to_contain_text("more connections fail than its own past lets expect")
    expect(panel).to_contain_text("0.25% in the worst of them")
    [one] = answer(slow, "/api/v1/anomalies")["anomalies"]
    assert console.address == f"/anomalies?pick={one['id']}"
    picture(console, "anomaly")

    panel.get_by_role("link", name="Investigate").click()
    assert console.address == f"/investigate?subject={one['id']}"
    # Its hour, as the anomaly tells it: a minute of it was slow.
    expect(page.locator(".sentence")).to_contain_text(f"{EDGE}: {MOMENT:%Y-%m-%d}")
    causes = page.get_by_role("list", name="Causes").locator("> li")
    page.get_by_label("When").fill(AT)
    page.get_by_label("Before and after it").select_option("60")
    page.get_by_role("button", name="Investigate").click()
    expect(causes.first).to_contain_text("One server replica is unwell: db-4")
    expect(causes.first).to_contain_text("round trips to db-4 take 90 ms, 0.9 ms to its siblings")
    expect(page.get_by_role("row").filter(has_text="does best")).to_contain_text("900 us")
    expect(panel.get_by_role("row", name="Round trip")).to_have_text("Round trip90 ms900 us")
    picture(console, "investigated")
    link, seen = console.address, causes.all_inner_texts()
    page.get_by_role("button", name="Connections").click()
    expect(page.get_by_role("img", name="Connections over time")).to_be_visible()
    console.open(link)
    expect(causes).to_have_count(len(seen))
    assert causes.all_inner_texts() == seen
    causes.first.get_by_role("link", name="Its flows").click()
    assert console.address.startswith("/flows?since=")
    assert "&q=src.namespace=shop+src.workload=ui" in console.address
    assert console.address.endswith("dst.name=db-4")
    page.go_back()
    assert console.address == link


def test_what_people_say_of_it_is_remembered(slow: Apart, tab: Tab) -> None:
    console = tab(slow)
    console.enter("/anomalies", "of viewer")
    page, panel = console.page, console.page.get_by_role("complementary")
    page.get_by_role("row").filter(has_text="failures").click()
    expect(panel.get_by_role("button", name="Expected", exact=True)).to_be_disabled()
    expect(panel.get_by_text("This is for the role editor; yours is viewer.")).to_be_visible()
    page.get_by_text("viewer", exact=True).first.click()
    page.get_by_role("button", name="Sign out").click()

    console.enter("/anomalies")
    page.get_by_role("row").filter(has_text="failures").click()
    panel.get_by_role("button", name="Expected", exact=True).click()
    panel.get_by_label("Why").fill("a sale")
    panel.get_by_role("button", name="Expected", exact=True).click()
    expect(page.get_by_role("heading", name="Nothing is unlike itself")).to_be_visible()
    page.get_by_label("also what is expected").check()
    expect(page.get_by_role("row").filter(has_text="failures")).to_contain_text("expected")
    assert "expected=1" in console.address
    expect(panel.get_by_text("a sale")).to_be_visible()
    panel.get_by_role("button", name="Take back").click()
    panel.get_by_role("button", name="Take back").click()
    until(lambda: [one["feedback"] for one in answer(slow, "/api/v1/anomalies")["anomalies"]] == [""])
    expect(panel.get_by_role("button", name="Take back")).to_have_count(0)


def test_an_alert_as_it_fired_is_investigated(slow: Apart, tab: Tab) -> None:
    console = tab(slow)
    alert = f'/investigate?subject=Slow{{namespace="data",workload="db"}}&at={AT}&window=60'
    console.enter(alert)
    page = console.page
    expect(page.locator(".sentence")).to_contain_text("data/db: ")
    expect(page.get_by_role("list", name="Causes")).to_contain_text("db-4")
    page.get_by_label("What", exact=True).fill("whatever")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("subject: `whatever` is none; write `namespace/workload`")
    console.enter(alert, "of orders")
    expect(page.get_by_text("No flow of it was seen in this time.").first).to_be_visible()


def test_it_begins_at_an_edge_a_workload_a_node(console: Console) -> None:
    console.enter("/map?pick=pod+ui/Deployment/ui>pod+catalog/Deployment/catalog")
    page, link = console.page, console.page.get_by_role("complementary").get_by_role("link", name="Investigate")
    link.click()
    expect(page.get_by_label("What", exact=True)).to_have_value("ui/ui -> catalog/catalog")
    expect(page.get_by_role("group", name="Server replicas")).to_contain_text("catalog-")
    console.open("/map?pick=pod+ui/Deployment/ui")
    link.click()
    expect(page.get_by_label("What", exact=True)).to_have_value("ui/ui")
    console.open("/agents?pick=node-a")
    link.click()
    expect(page.get_by_label("What", exact=True)).to_have_value("node node-a")
    expect(page.get_by_role("group", name="Nodes")).to_contain_text("node-a")
