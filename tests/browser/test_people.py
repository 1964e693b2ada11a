"""Who may: a token is asked for, forgotten when it is refused, and shows its owner's namespaces alone."""

from playwright.sync_api import Page, expect

from browser.conftest import Console
from support.provider import Provider
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
    console.open("/rollouts")
    expect(page.get_by_text("in all namespaces")).to_be_visible()


def at_the_provider(page: Page, subject: str | None) -> None:
    """Say who one is, there; or refuse."""
    if subject is None:
        page.get_by_role("button", name="Deny").click()
        return
    page.locator("input[name=sub]").first.fill(subject)
    page.get_by_role("button", name="Authorize").click()


def test_people_come_from_their_provider_and_return_to_where_they_were(console: Console, people: Provider) -> None:
    people.knows("ann", email="ann@example.com", groups=["ops"])
    people.knows("eve", email="eve@example.com")
    page, button = console.page, console.page.get_by_role("button", name="Sign in with localhost")
    page.goto(f"{console.hub.door.url}/flows?q=dst.port=53")
    button.click()
    at_the_provider(page, None)
    expect(page.get_by_role("alert")).to_contain_text("The provider did not sign you in")
    assert console.faults() == []
    button.click()
    at_the_provider(page, "eve")
    expect(page.get_by_role("alert")).to_contain_text("`eve@example.com` has no role here")
    button.click()
    at_the_provider(page, "ann")
    page.get_by_text("ann@example.com").click()
    expect(page.get_by_text("operator", exact=True)).to_be_visible()
    # Where they were, with nothing of the way there: neither code nor token.
    assert console.address == "/flows?q=dst.port=53"
    kept = page.evaluate("[JSON.stringify(localStorage), document.cookie, ...Object.keys(sessionStorage)]")
    assert kept[1:] == ["", "fairway-token"]
    assert "eyJ" not in kept[0]
    # A way back that nobody here began leads nowhere.
    page.get_by_role("button", name="Sign out").click()
    page.goto(f"{console.hub.door.url}/sign-in?code=stolen&state=theirs")
    expect(page.get_by_role("alert")).to_contain_text("was not begun in this tab")
    assert console.address == "/"
