"""What comes in is seen; a hub that goes away is told, and forgiven when it is back."""

from pathlib import Path

from playwright.sync_api import Browser, expect

from browser.conftest import Console, hub_process
from support.hubs import until
from support.recorded import tell, write_recorded_cluster


def test_flows_are_followed(console: Console) -> None:
    console.enter("/flows?live=1&q=dst.port=9999")
    page = console.page
    console.settle()
    row = page.locator(".body [role=row]").filter(has_text="31.3")
    expect(row).to_have_count(0)
    until(lambda: console.hub.answers.hub.live.listeners > 0)
    tell(console.hub, bytes=31_313)
    expect(row.first).to_be_visible()


def test_the_hub_goes_and_comes_back(tmp_path: Path, browser: Browser) -> None:
    write_recorded_cluster(tmp_path / "cluster")
    page = browser.new_page()
    with hub_process(tmp_path) as (_, door):
        page.goto(f"{door.url}/agents?live=1#token={Path(door.token_file).read_text()}")
        expect(page.get_by_text("3 nodes; 3 without a fresh report")).to_be_visible()
    page.get_by_text("The hub has not answered since").wait_for()
    # What was told before stays in sight.
    expect(page.get_by_role("grid")).to_contain_text("node-a")
    with hub_process(tmp_path, int(door.url.rpartition(":")[2])):
        expect(page.get_by_text("The hub has not answered since")).to_have_count(0, timeout=20_000)
        expect(page.get_by_role("grid")).to_contain_text("node-a")
    page.close()
