"""The demo, whole: every step holds, its figures are what the story says, and nothing is left behind."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fairway.kit.documents import read_documents
from fairway.lab import namespaces, processes
from fairway.lab.config import LabConfig
from fairway.lab.lab import Lab
from fairway.lab.pins import pins_of
from fairway.policy.read import read_policies

NAME = f"d{os.getpid()}"
STEPS = ["lab", "blind-deny", "observe", "enough", "generate", "prove", "stage", "enforce", "verify", "rollout"]


def fairway(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fairway.cli.main", *arguments],
        env={**os.environ, "FAIRWAY_LAB": NAME},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


def told(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    story = json.loads(done.stdout.splitlines()[-1])
    assert story["ok"] is True
    assert all(step["ok"] for step in story["steps"])
    return {step["name"]: step["figures"] for step in story["steps"]}


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("demo")
    try:
        yield folder, told(fairway("demo", "--json", folder=folder))
    finally:
        Lab(LabConfig(NAME)).down()


def test_every_step_holds_in_time(played: Any) -> None:
    _, figures = played
    assert list(figures) == STEPS
    assert figures["verify"]["total_seconds"] < 180


def test_blind_deny_takes_the_shop_offline(played: Any) -> None:
    _, figures = played
    assert figures["blind-deny"]["failed_checks"] >= 10
    assert figures["blind-deny"]["unready_pods"] == 10, "both replicas of five services"


def test_all_kinds_of_traffic_are_told_apart(played: Any) -> None:
    _, figures = played
    kinds = ("cluster", "cloud_service", "external", "dns", "scrape", "probe")
    assert all(figures["observe"][f"{kind}_edges"] for kind in kinds)
    assert sum(figures["observe"][f"{kind}_edges"] for kind in kinds) == figures["observe"]["edges"]
    assert figures["observe"]["ipv6_edges"] > 0


def test_addresses_outside_go_by_the_names_they_were_looked_up_by(played: Any) -> None:
    folder, figures = played
    assert figures["observe"]["names_outside"] == ["erp.corp.example", "payments.example"]
    assert "looked up as payments.example" in (folder / "demo-policies" / "checkout-checkout.yaml").read_text()


def test_enough_goes_from_no_to_yes(played: Any) -> None:
    _, figures = played
    assert (figures["enough"]["blocking_before"], figures["enough"]["blocking_after"]) == (2, 0)


def test_policies_are_standard_files_without_the_intruder_or_ephemeral_ports(played: Any) -> None:
    folder, figures = played
    policies = read_policies(read_documents([folder / "demo-policies"]))
    assert len(policies) == figures["generate"]["policies"] == 12
    assert {policy.namespace for policy in policies}.isdisjoint({"dev"})
    texts = [path.read_text() for path in (folder / "demo-policies").iterdir()]
    assert not [text for text in texts if "intruder" in text or "pod-template-hash" in text]
    ports = [
        p for policy in policies for r in (*(policy.ingress or ()), *(policy.egress or ())) for p in r.ports or ()
    ]
    assert not [p for p in ports if isinstance(p.port, int) and p.port >= 32768]


def test_replay_finds_nothing_and_then_exactly_one(played: Any) -> None:
    _, figures = played
    assert figures["prove"]["denied"] == 0
    assert figures["prove"]["denied_without_one_rule"] == ["checkout/checkout -> checkout/checkout-redis:6379"]


def test_only_the_intruder_is_kept_out(played: Any) -> None:
    _, figures = played
    assert figures["stage"]["would_deny_known"] == 0
    assert figures["stage"]["would_deny_intruder"] >= 6, "three databases, at both ends"
    assert figures["enforce"]["nodes_enforcing"] == 3
    assert figures["verify"]["denied"] >= 3
    assert figures["verify"]["broker_connections_kept"] == 2
    assert figures["verify"]["losses"] == {}


def test_a_rollout_goes_through_unnoticed_and_a_bad_one_is_taken_back(played: Any) -> None:
    _, figures = played
    assert (figures["rollout"]["good_steps"], figures["rollout"]["good_lost"]) == (2, 0)
    assert figures["rollout"]["good_requests"] > 10
    assert figures["rollout"]["bad_seconds"] > 0


def test_nothing_is_left_behind(played: Any) -> None:
    assert namespaces.existing(f"fairway-{NAME}-") == []
    assert processes.find(NAME) == {}
    assert not pins_of(NAME).exists()
    assert not LabConfig(NAME).directory.exists()


def test_a_recording_tells_four_steps_and_says_what_it_is(tmp_path: Path) -> None:
    done = fairway("demo", "--recorded", "--json", folder=tmp_path)
    assert list(told(done)) == STEPS[2:6]
    assert "This is a recording" in done.stdout
    assert len(list((tmp_path / "demo-policies").glob("*.yaml"))) == 12
