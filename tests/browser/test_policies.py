"""Policies from what was seen to the kernel's doorstep: written, proven, tried, in force, taken back."""

import io
import tarfile

import yaml
from playwright.sync_api import expect

from browser.conftest import Console
from fairway.hub.intent import read_intent


def test_from_writing_to_force_and_back(console: Console) -> None:
    hub = console.hub
    console.enter("/policies?pick=orders/orders")
    page, panel = console.page, console.page.get_by_role("complementary")
    expect(panel.get_by_text("Nothing of orders/orders.")).to_be_visible()
    page.get_by_role("button", name="Evidence of ingress[0]").click()
    expect(panel.get_by_role("heading", name="Evidence of ingress[0]")).to_be_visible()
    assert console.address == "/policies?pick=orders/orders&rule=ingress[0]".replace("[", "%5B").replace("]", "%5D")
    page.get_by_role("button", name="Put on trial").click()
    page.get_by_label("Why").fill("a trial")
    page.get_by_role("button", name="Put on trial").click()
    expect(page.get_by_text("Judged on every node; nothing is dropped.")).to_be_visible()
    staged = read_intent(hub.state).staged
    assert staged
    assert staged.policies
    page.get_by_role("button", name="Put in force").click()
    page.get_by_label("node-b").check()
    page.get_by_role("button", name="Put in force").click()
    expect(page.get_by_text("Nothing is on trial", exact=True)).to_be_visible()
    active = read_intent(hub.state).active
    assert active
    assert (active.policies, active.nodes, active.mode) == (staged.policies, ("node-b",), "enforce")
    page.get_by_role("button", name="In force").click()
    expect(page.get_by_text("Enforced on node-b.")).to_be_visible()
    page.get_by_role("button", name="Take out of force").click()
    page.get_by_role("button", name="Take out of force").click()
    expect(page.get_by_text("Fairway holds nothing in force")).to_be_visible()
    assert read_intent(hub.state).active is None
    assert [entry.why for entry in hub.answers.hub.audit.latest(9, None)][-1] == "a trial"


def test_what_was_written_is_a_folder_for_kustomize(console: Console) -> None:
    console.enter("/policies?namespace=catalog")
    with console.page.expect_download() as kept:
        console.page.get_by_role("button", name="Kustomize folder").click()
    with tarfile.open(fileobj=io.BytesIO(kept.value.path().read_bytes())) as archive:
        files = {member.name: archive.extractfile(member).read() for member in archive.getmembers()}
    names = yaml.safe_load(files["policies/kustomization.yaml"])["resources"]
    assert names == ["catalog-catalog.yaml", "catalog-catalog-mysql.yaml"]
    assert [yaml.safe_load(files[f"policies/{name}"])["metadata"]["namespace"] for name in names] == ["catalog"] * 2


def test_a_connection_is_explained(console: Console) -> None:
    console.enter("/policies?tab=explain")
    page = console.page
    pod = next(pod for pod in console.hub.answers.hub.require_ready().pods if pod.namespace == "ui")
    page.get_by_label("From", exact=True).fill(pod.title)
    page.get_by_label("To", exact=True).fill("203.0.113.9")
    page.get_by_label("Port").fill("443")
    page.keyboard.press("Enter")
    expect(page.get_by_text(f"no policy isolates {pod.title} and the posture is allow")).to_be_visible()
    expect(page.get_by_text("Allowed", exact=True)).to_be_visible()
