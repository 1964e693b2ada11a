"""Flows: found by filter, sorted, scrolled, picked, kept; and the address says all of it."""

import csv
import io
import re

from playwright.sync_api import expect

from browser.conftest import Console
from support.hubs import until

ROWS = "rows => rows.map(row => row.getAttribute('aria-rowindex'))"


def test_a_filter_completes_and_narrows(console: Console) -> None:
    console.enter("/flows")
    page, box = console.page, console.page.get_by_label("Filter", exact=True)
    box.click()
    box.press_sequentially("dst.names")
    page.keyboard.press("Tab")
    assert box.input_value() == "dst.namespace="
    page.get_by_role("option", name="catalog").wait_for()
    page.keyboard.type("cat")
    page.get_by_role("option", name="catalog").click()
    expect(box).to_have_value("dst.namespace=catalog ")
    page.keyboard.type("dst.port=3306")
    page.keyboard.press("Enter")
    console.settle()
    assert console.address == "/flows?q=dst.namespace=catalog+dst.port=3306"
    expect(page.locator("[role=row][aria-rowindex='2']")).to_contain_text("TCP 3306")
    texts = page.locator(".body [role=row]").all_inner_texts()
    assert texts
    assert all("TCP 3306" in text for text in texts)


def test_a_wrong_filter_is_pointed_at(console: Console) -> None:
    console.enter("/flows?q=src.namespace=ui+zz")
    page = console.page
    page.locator("main [role=alert]").get_by_text("at character 17: `zz` where a term should be").wait_for()
    page.get_by_label("Filter", exact=True).click()
    expect(page.locator("#filter-refusal mark")).to_have_text(" zz")
    page.get_by_label("Without a filter").click()
    page.locator(".body [role=row]").first.wait_for()


def test_the_address_is_what_is_seen(console: Console) -> None:
    console.enter("/flows")
    page = console.page
    console.settle()
    page.get_by_role("button", name="Cloud services").click()
    console.settle()
    page.get_by_role("columnheader").get_by_role("button", name="Volume").click()
    console.settle()
    page.locator("[role=row][aria-rowindex='3']").click()
    page.get_by_role("complementary").get_by_text("What moved").wait_for()
    seen = page.get_by_role("complementary").inner_text()
    link = console.address
    assert "view=cloud" in link
    assert "sort=bytes" in link
    console.open(link)
    page.get_by_role("complementary").get_by_text("What moved").wait_for()
    again = page.get_by_role("complementary").inner_text()
    assert re.sub(r"\d+ \w+ ago|now", "", again) == re.sub(r"\d+ \w+ ago|now", "", seen)
    expect(page.locator("[role=row][aria-selected=true]")).to_have_count(1)
    page.keyboard.press("Escape")
    assert "pick=" not in console.address
    page.go_back()
    assert console.address == link
    page.get_by_role("button", name="Only this client").click()
    assert "src.workload=" in console.address
    assert "pick=" not in console.address


def test_rows_are_fetched_as_they_are_reached(console: Console) -> None:
    console.enter("/flows")
    page = console.page
    console.settle()
    grid = page.get_by_role("grid")
    grid.focus()

    def reached() -> int:
        page.keyboard.press("End")
        return max(int(row or 0) for row in page.locator(".body [role=row]").evaluate_all(ROWS))

    until(lambda: reached() > 3000)
    assert page.locator(".body [role=row]").count() < 80
    # Pages that were given back come again.
    page.keyboard.press("Home")
    expect(page.locator("[role=row][aria-rowindex='2']")).to_contain_text(re.compile(r"\d\d:\d\d:\d\d"))


def test_columns_are_chosen(console: Console) -> None:
    console.enter("/flows")
    page = console.page
    page.get_by_text("Columns", exact=True).click()
    page.get_by_label("Zones").uncheck()
    page.get_by_label("Told by").check()
    assert console.address.endswith("verdict,reporter")
    heads = page.get_by_role("columnheader").all_inner_texts()
    assert "Zones" not in heads
    assert "Told by" in heads


def test_all_that_the_filter_means_is_a_file(console: Console) -> None:
    console.enter("/flows?q=dst.port=3306")
    with console.page.expect_download() as kept:
        console.page.get_by_role("button", name="CSV").click()
    rows = list(csv.DictReader(io.StringIO(kept.value.path().read_text())))
    assert kept.value.suggested_filename.endswith(".csv")
    assert len(rows) > 100
    assert {row["port"] for row in rows} == {"3306"}
