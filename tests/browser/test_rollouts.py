"""A rollout from its order to a step that breaks and is taken back, as a person at the console lives it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from browser.conftest import PICTURES, Tab
from support.asking import ask
from support.hubs import Serving
from support.obedient import Obedient, obedient
from support.recorded import LOOKING

PATH = "/api/v1/rollouts"


@pytest.fixture
def agents(hub: Serving) -> Iterator[Obedient]:
    """Agents that obey; whatever is ordered meanwhile is taken back."""
    with obedient(hub) as playing:
        yield playing
        for one in ask(hub, "GET", PATH).json():
            ask(hub, "POST", f"{PATH}/{one['name']}/abort", json={})


def draft(hub: Serving, name: str) -> None:
    """Order a rollout of what the hub generates; nothing but coverage stands in its way."""
    made = ask(hub, "POST", "/api/v1/policy/generate", json={}).json()["policies"]
    order = {
        "name": name,
        "policies": "\n---\n".join(one["yaml"] for one in made),
        "limits": {"budgets": [{"nodes": "34%"}]},
        "gates": {"quiet": "PT0S", "periods": 0},
        "soak": "PT600S",
    }
    answer = ask(hub, "POST", f"{PATH}/", json={"order": order, "why": "CHG-1042"})
    assert answer.status_code == 201, answer.text


def pressed(page: Page, button: str, why: str) -> None:
    page.get_by_role("button", name=button, exact=True).click()
    page.get_by_label("Why (for the audit log)").fill(why)
    page.get_by_role("button", name=button, exact=True).click()


def picture(page: Page, name: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    for theme in ("light", "dark"):
        page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
        page.screenshot(path=PICTURES / f"rollout-{name}-{theme}.png")
    page.evaluate("document.documentElement.dataset.theme = 'light'")


def test_a_rollout_goes_forth_and_back(hub: Serving, agents: Obedient, tab: Tab) -> None:
    console = tab(hub, color_scheme="light")
    console.enter("/rollouts")
    page, panel = console.page, console.page.get_by_role("complementary")
    expect(page.get_by_role("heading", name="No rollout was ordered")).to_be_visible()
    assert console.faults() == []
    draft(hub, "shop")
    console.open("/rollouts")
    steps = page.get_by_role("list", name="Steps").get_by_role("listitem")
    expect(steps).to_have_count(4)
    expect(steps.nth(1)).to_contain_text("node-a, node-b")

    pressed(page, "Start", "the window is open")
    # The gate is closed: three minutes are no coverage. Without a reason it is not let pass.
    expect(page.get_by_text("It waits for gate coverage:")).to_be_visible()
    page.get_by_role("button", name="Override coverage").click(timeout=60_000)
    page.get_by_role("button", name="Override coverage").click()
    expect(page.get_by_label("Why (for the audit log)")).to_be_focused()
    page.get_by_label("Why (for the audit log)").fill("it is a lab")
    page.get_by_role("button", name="Override coverage").click()
    expect(steps.nth(1)).to_contain_text("watched, ends in")
    expect(page.get_by_text("It waits for the soak of 10 min; it may go on in")).to_be_visible()
    nodes = page.get_by_role("region", name="Rollout shop").get_by_role("link")
    assert [word.split()[-2:] for word in nodes.all_inner_texts()] == [
        ["node-a", "enforces"],
        ["node-b", "enforces"],
        ["judges", "only"],
    ]
    expect(page.get_by_role("row", name="denied")).to_contain_text("0 on 0 known edges")
    assert console.faults() == []
    picture(page, "enforcing")

    pressed(page, "Pause", "lunch")
    expect(page.get_by_text("paused; what enforces is watched on").first).to_be_visible()
    expect(panel.get_by_text("lunch")).to_be_visible()
    pressed(page, "Resume", "")
    expect(page.get_by_role("button", name="Pause", exact=True)).to_be_visible()

    agents.denied.add("node-b")
    expect(page.get_by_role("heading", name="What broke")).to_be_visible()
    expect(page.get_by_role("region", name="What broke")).to_contain_text("9999/TCP")
    expect(page.get_by_text("stepped back; what was taken back").first).to_be_visible()
    page.get_by_role("button", name="What would mend it").click()
    expect(page.get_by_role("button", name="Download")).to_be_visible()
    assert console.faults() == []
    picture(page, "back")
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_visible()
    console.open("/")
    expect(page.get_by_role("link", name="Show what broke")).to_be_visible()


def test_one_is_ordered_with_what_it_would_do_in_sight(hub: Serving, agents: Obedient, tab: Tab) -> None:
    console = tab(hub, color_scheme="light")
    console.enter("/rollouts")
    page, panel = console.page, console.page.get_by_role("complementary")
    page.get_by_role("link", name="Order a rollout").click()
    steps = page.get_by_role("list", name="Steps").get_by_role("listitem")
    expect(steps).to_have_count(5)  # on trial, three times one node of three, done
    page.get_by_label("At once").fill("some")
    page.get_by_label("At once").blur()
    expect(page.get_by_text("a share as 10%, or a number of nodes")).to_be_visible()
    expect(page.get_by_role("button", name="Order it")).to_be_disabled()
    page.get_by_label("At once").fill("34%")
    page.get_by_label("First, alone").fill("node-c")
    page.get_by_label("First, alone").blur()
    expect(steps.nth(1)).to_contain_text("node-c")
    expect(steps.nth(2)).to_contain_text("node-a, node-b")
    page.get_by_label("Who no policy selects").select_option("deny")
    expect(page.get_by_role("row", name="coverage")).to_contain_text("closed")
    expect(panel).to_contain_text("What would break")
    assert console.faults() == []
    picture(page, "ordering")
    page.get_by_label("Name", exact=True).fill("shop")
    page.get_by_label("Name", exact=True).blur()
    link = console.address
    assert "budget=34%25&canary=node-c&name=shop" in link
    console.open(link)
    pressed(page, "Order it", "CHG-1043")
    expect(page.get_by_text("shop: drafted; nothing is done yet").first).to_be_visible()
    assert console.address == "/rollouts?pick=shop"
    [made] = ask(hub, "GET", f"{PATH}/").json()
    assert (made["name"], made["limits"]["canary"]) == ("shop", ["node-c"])

    # While it is under way nobody else says what is on trial and in force.
    pressed(page, "Start", "")
    expect(page.get_by_text("It waits for gate coverage:")).to_be_visible(timeout=60_000)
    console.open("/policies?tab=trial")
    expect(page.get_by_text("Rollout shop says what is on trial and in force.")).to_be_visible()
    for name in ("Put in force", "End the trial"):
        expect(page.get_by_role("button", name=name)).to_be_disabled()
    assert console.faults() == []
    page.get_by_role("link", name="Show it").click()
    assert console.address == "/rollouts?pick=shop"


def test_several_are_a_list_and_whoever_may_not_is_told(hub: Serving, tab: Tab) -> None:
    for name in ("carts", "shop"):
        draft(hub, name)
    console = tab(hub)
    console.enter("/rollouts", LOOKING)
    page = console.page
    page.get_by_role("row").filter(has_text="shop").click()
    assert console.address == "/rollouts?pick=shop"
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_disabled()
    expect(page.get_by_text("This is for the role operator; yours is viewer.").first).to_be_visible()
    assert console.faults() == []
    page.get_by_role("link", name="All rollouts").click()
    expect(page.get_by_role("row")).to_have_count(3)
