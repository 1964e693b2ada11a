"""The same on a server that replays the protocol and, if `FAIRWAY_TEST_KUBECONFIG` names one, on a real cluster:
objects of a namespace of their own come and go, policies go on trial and into force."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from fairway.cli.main import main
from fairway.kube.access import find_access
from fairway.kube.api import Api
from fairway.kube.resources import STAGED, object_path
from fairway.kube.source import ApiServer
from support.apiserver import api_server
from support.hubs import until

KUBECONFIG = os.environ.get("FAIRWAY_TEST_KUBECONFIG", "")
POLICY = {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Ingress"], "ingress": []}


@dataclass
class Place:
    """A cluster and a namespace in it that is ours."""

    config: Path
    namespace: str


@pytest.fixture(params=["replay", "real"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    namespace = f"fairway-test-{secrets.token_hex(3)}"
    if request.param == "real":
        if not KUBECONFIG:
            pytest.skip("FAIRWAY_TEST_KUBECONFIG names no cluster")
        definition = Path(__file__).parents[3] / "deploy/helm/fairway/crds/stagednetworkpolicies.yaml"
        yield from on_real(Place(Path(KUBECONFIG), namespace), definition)
        return
    with api_server() as server:
        config = {
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": server.access.server}}],
            "users": [{"name": "u", "user": {"token": "hub-token"}}],
        }
        (tmp_path / "config").write_text(yaml.safe_dump(config))
        server.put("namespaces", {"metadata": {"name": namespace}})
        yield Place(tmp_path / "config", namespace)


def on_real(place: Place, definition: Path) -> Iterator[Place]:
    """The definition stays if it was there before; the namespace goes."""
    with Api(find_access(place.config)) as api:
        value = yaml.safe_load(definition.read_text())
        path = object_path("apiextensions.k8s.io/v1", "customresourcedefinitions", None, value["metadata"]["name"])
        before = api.find(path)
        api.apply(path, value, force=True)
        until(lambda: api.find(f"{STAGED.path}") is not None)
        home = object_path("v1", "namespaces", None, place.namespace)
        api.ask("POST", "/api/v1/namespaces", {"metadata": {"name": place.namespace}})
        try:
            yield place
        finally:
            api.delete(home)
            if before is None:
                api.delete(path)


def test_objects_come_change_and_go(place: Place) -> None:
    source = ApiServer(find_access(place.config), page=2).start()
    try:
        with Api(find_access(place.config)) as api:
            until(lambda: source.world.synced, 60)
            services = f"/api/v1/namespaces/{place.namespace}/services"
            spec = {"ports": [{"name": "http", "port": 80}], "selector": {"app": "web"}}
            for name in ("one", "two", "three"):
                api.ask("POST", services, {"metadata": {"name": name}, "spec": spec})

            def seen() -> set[str]:
                cluster = source.world.sight(0)[0]
                return {service.name for service in cluster.services if service.namespace == place.namespace}

            until(lambda: seen() == {"one", "two", "three"})
            api.delete(f"{services}/two")
            until(lambda: seen() == {"one", "three"})
    finally:
        source.close()


def test_a_policy_goes_on_trial_and_into_force(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "web.yaml"
    value = {
        "kind": "NetworkPolicy",
        "apiVersion": "networking.k8s.io/v1",
        "metadata": {"name": "web"},
        "spec": POLICY,
    }
    file.write_text(yaml.safe_dump(value))
    where = ["--kubeconfig", str(place.config), "-n", place.namespace]
    assert main(["stage", str(file), "--kube", *where]) == 0
    assert main(["promote", "web", *where]) == 1  # no hub has judged it
    assert main(["promote", "web", "--anyway", *where]) == 0
    assert capsys.readouterr().out.endswith(f"NetworkPolicy {place.namespace}/web created, its trial ended\n")
    with Api(find_access(place.config)) as api:
        kept = api.get(object_path("networking.k8s.io/v1", "networkpolicies", place.namespace, "web"))
        assert kept["spec"]["podSelector"] == POLICY["podSelector"]
        assert api.find(object_path(STAGED.version, STAGED.plural, place.namespace, "web")) is None
    assert main(["policy", "apply", str(file), *where]) == 0
    assert capsys.readouterr().out == f"NetworkPolicy {place.namespace}/web unchanged\n"


def test_an_exec_program_makes_the_token(place: Place, tmp_path: Path) -> None:
    """As the cloud providers' kubeconfigs have it."""
    known = find_access(place.config).token()
    if known is None:
        pytest.skip("this cluster lets in by certificate")
    program = tmp_path / "make-token"
    credential = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": known},
    }
    program.write_text(f"#!{sys.executable}\nprint('''{json.dumps(credential)}''')\n")
    program.chmod(0o755)
    config = yaml.safe_load(place.config.read_text())
    config["users"] = [
        {"name": user["name"], "user": {"exec": {"command": "./make-token"}}} for user in config["users"]
    ]
    other = tmp_path / "with-exec"
    other.write_text(yaml.safe_dump(config))
    assert main(["status", "--kubeconfig", str(other), "-n", place.namespace]) in (0, 1)
    program.write_text(f"#!{sys.executable}\nraise SystemExit('signed out')\n")
    done = subprocess.run(
        [sys.executable, "-m", "fairway.cli.main", "status", "--kubeconfig", str(other)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 3
    assert "makes no token: exit 1: signed out" in done.stderr
