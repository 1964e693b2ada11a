"""Who may: a token is asked for, forgotten when it is refused, and shows its owner's namespaces alone."""

from playwright.sync_api import expect

from browser.conftest import Console
from support.recorded import BOUND


def test_a_token_is_asked_for(console: Console) -> None:
    page = console.page
    page.goto(f"{console.hub.door.url}/zones")
    page.get_by_label("Token of").fill("nobody's")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("the token is not known to this hub")
    page.get_by_label("Token of").fill(BOUND)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Zones and cost")).to_be_visible()
    page.get_by_text("jane").click()
    expect(page.get_by_text("viewer")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Token of").wait_for()
    assert page.evaluate("Object.keys(sessionStorage).length") == 0


def test_a_token_in_the_link_leaves_the_address(console: Console) -> None:
    console.enter("/flows")
    assert console.address == "/flows"
    assert "token" not in console.page.evaluate("JSON.stringify(history.state) + document.cookie")


def test_one_namespace_is_seen(console: Console) -> None:
    console.enter("/policies", BOUND)
    page = console.page
    names = page.get_by_role("navigation", name="Workloads").get_by_role("heading")
    names.first.wait_for()
    assert names.all_inner_texts() == ["orders"]
    page.get_by_role("button", name="Put on trial").wait_for()
    expect(page.get_by_role("button", name="Put on trial")).to_be_disabled()
    expect(page.get_by_text("your token is bound to namespaces")).to_be_visible()
    console.open("/flows?q=not+namespace=orders")
    expect(page.get_by_text("No flows")).to_be_visible()
