"""Ways into a cluster: a pod's account, kubeconfig files, and what people get wrong in them."""

import base64
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from fairway.kit.errors import UsageError
from fairway.kube.access import find_access, in_cluster, read_kubeconfig
from fairway.kube.certificate import certificate_secret


def kubeconfig(folder: Path, cluster: dict[str, Any] | None = None, user: dict[str, Any] | None = None) -> Path:
    config = {
        "current-context": "here",
        "contexts": [
            {"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "shop"}},
            {"name": "lost", "context": {"cluster": "gone", "user": "u"}},
        ],
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1/", **(cluster or {})}}],
        "users": [{"name": "u", "user": user or {"token": "t"}}],
    }
    path = folder / "config"
    path.write_text(yaml.safe_dump(config))
    return path


def test_a_context_says_where_who_and_in_which_namespace(tmp_path: Path) -> None:
    access = read_kubeconfig(kubeconfig(tmp_path))
    assert (access.server, access.namespace, access.headers()) == (
        "http://127.0.0.1:1", "shop", {"Authorization": "Bearer t"},
    )  # fmt: skip


def test_a_token_file_is_read_anew_each_time(tmp_path: Path) -> None:
    access = read_kubeconfig(kubeconfig(tmp_path, user={"tokenFile": "token"}))
    for token in ("one", "two"):
        (tmp_path / "token").write_text(f"{token}\n")
        assert access.token() == token


def test_certificates_of_files_and_of_the_text_itself(tmp_path: Path) -> None:
    data = certificate_secret("x", datetime.now(UTC))["data"]
    for name, value in data.items():
        (tmp_path / name).write_bytes(base64.b64decode(value))
    inline = read_kubeconfig(
        kubeconfig(
            tmp_path,
            {"server": "https://127.0.0.1:1", "certificate-authority-data": data["ca.crt"]},
            {"client-certificate-data": data["tls.crt"], "client-key-data": data["tls.key"]},
        )
    )
    files = read_kubeconfig(
        kubeconfig(
            tmp_path,
            {"server": "https://127.0.0.1:1", "certificate-authority": "ca.crt"},
            {"client-certificate": "tls.crt", "client-key": "tls.key"},
        )
    )
    for access in (inline, files):
        assert not isinstance(access.trust, bool)
        assert len(access.trust.get_ca_certs()) == 1
        assert access.token() is None


def test_a_pods_account(tmp_path: Path) -> None:
    data = certificate_secret("x", datetime.now(UTC))["data"]
    (tmp_path / "ca.crt").write_bytes(base64.b64decode(data["ca.crt"]))
    (tmp_path / "namespace").write_text("fairway")
    environment = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}
    assert in_cluster(environment, tmp_path) is None  # no token is mounted
    (tmp_path / "token").write_text("first")
    access = in_cluster(environment, tmp_path)
    assert access is not None
    assert (access.server, access.namespace) == ("https://[fd00::1]:443", "fairway")
    (tmp_path / "token").write_text("second")
    assert access.headers() == {"Authorization": "Bearer second"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"current-context": "nowhere"}, "$.contexts has no `nowhere`; there are: `here`, `lost`"),
        ({"current-context": "lost"}, "$.clusters has no `gone`; there are: `c`"),
        ({"current-context": ""}, "$.current-context is not set; give --context NAME"),
        ({"clusters": [{"name": "c", "cluster": {"server": "c.example.com"}}]}, "$.server is no URL"),
        ({"users": [{"name": "u", "user": {"username": "me"}}]}, "passwords are gone"),
        ({"users": [{"name": "u", "user": {"auth-provider": {"name": "gcp"}}}]}, "use an exec program"),
        ({"users": [{"name": "u", "user": {"exec": {}}}]}, "exec.command is missing"),
        ({"clusters": "none"}, "$.clusters has no `c`; there are: none"),
    ],
)
def test_what_is_wrong_is_one_line_with_its_place(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    path = kubeconfig(tmp_path)
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **change}))
    with pytest.raises(UsageError) as error:
        read_kubeconfig(path)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist; give --kubeconfig FILE"):
        find_access(None, environment={"KUBECONFIG": str(tmp_path / "nowhere")})
    path = tmp_path / "config"
    for content in ("[", "- a", "\x00"):
        path.write_text(content)
        with pytest.raises(UsageError, match=r"is not YAML|is no kubeconfig"):
            find_access(path)
    bad = kubeconfig(tmp_path, {"server": "https://127.0.0.1:1", "certificate-authority-data": "!!"})
    with pytest.raises(UsageError, match="its certificates cannot be used"):
        find_access(bad)
