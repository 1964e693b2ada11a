"""Zones: the price table that counts, and another time beside the one that is asked for."""

import re

from playwright.sync_api import expect

from browser.conftest import Console


def test_prices_are_shown_and_times_compared(console: Console) -> None:
    console.enter("/zones")
    page, panel = console.page, console.page.get_by_role("complementary")
    expect(panel.get_by_role("row", name="AWS, between zones 0.01 0.01")).to_be_visible()
    edges = page.get_by_role("grid", name="Edges that cross zones").get_by_role("row")
    expect(edges.nth(1)).to_contain_text(re.compile(r"\d"))
    # The lab's zones tell no region, so that no price fits: a dash, never nothing.
    expect(edges.nth(1)).to_contain_text("–")
    expect(page.locator(".sentence")).to_contain_text("have no price")
    page.get_by_label("Compare with").select_option("the time just before")
    expect(page.get_by_role("button", name=re.compile("new$")).first).to_be_visible()
    assert console.address == "/zones?compare=1"
    page.get_by_label("Compare with").select_option("from … to …")
    page.get_by_label("From", exact=True).fill("2026-01-01T10:00")
    page.get_by_label("To", exact=True).fill("2026-01-01T11:00")
    page.get_by_label("To", exact=True).blur()
    expect(page).to_have_url(re.compile("compare=2026-01-01T1.*/2026-01-01T1"))
    assert console.faults() == []
