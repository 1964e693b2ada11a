"""What is generated is what an API server takes: held to the schemas of Kubernetes' own releases."""

import random
from typing import Any

import kubernetes_validate
import pytest
import yaml

from fairway.lab.recording import load
from fairway.policy.generate import Options, generate
from fairway.policy.manifest import manifest_of
from fairway.policy.render import render
from support.random_clusters import random_case

RELEASES = ("1.25", kubernetes_validate.latest_version().rpartition(".")[0])


def accepted(manifest: dict[str, Any], release: str) -> None:
    kubernetes_validate.validate(manifest, release, strict=True)


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("choice", [{}, {"per_namespace": True}, {"default_deny": True}], ids=str)
def test_policies_of_the_recorded_lab(release: str, choice: dict[str, bool]) -> None:
    recording = load()
    generated = generate(
        recording.after.edges, recording.after.cluster, Options(published=recording.published, **choice)
    )
    files = render(generated)
    assert files
    for content in files.values():
        for manifest in yaml.safe_load_all(content):
            accepted(manifest, release)


@pytest.mark.parametrize("seed", range(8))
def test_any_policy(seed: int) -> None:
    _, policies, _ = random_case(random.Random(seed))
    for policy in policies.policies:
        accepted(manifest_of(policy), RELEASES[-1])


def test_the_schemas_refuse_what_is_wrong() -> None:
    metadata = {"name": "p", "namespace": "n"}
    wrong = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata}
    with pytest.raises(kubernetes_validate.ValidationError):
        accepted({**wrong, "spec": {"podSelector": {}, "ingres": []}}, RELEASES[-1])
