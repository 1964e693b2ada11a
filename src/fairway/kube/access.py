"""Access: where an API server is and how to be let in, from a pod's service account or a kubeconfig file.

Kubeconfig: k8s.io/client-go/tools/clientcmd/api/v1/types.go. Programs that make tokens (`exec`): the
client.authentication.k8s.io API, v1 and v1beta1.
"""

import base64
import binascii
import json
import os
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from fairway.kit.errors import EnvironmentLacksError, UsageError, one_line

ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_EXEC_SECONDS: Final = 60
_EXEC_SPARE: Final = 30.0
"""Seconds before its end in which a program's token is made anew."""

Token = Callable[[], str | None]


@dataclass(frozen=True, slots=True)
class Access:
    """An API server. `token` is asked anew for each request: kubelets and programs renew it. `namespace` is where
    a person is when they name none."""

    server: str
    trust: ssl.SSLContext | bool
    token: Token = field(default=lambda: None)
    namespace: str = "default"
    proxy: str | None = None

    def headers(self) -> dict[str, str]:
        """What lets a request in."""
        token = self.token()
        return {"Authorization": f"Bearer {token}"} if token else {}


def in_cluster(environment: Mapping[str, str], account: Path = ACCOUNT) -> Access | None:
    """A pod's way in, by its service account; None outside of a cluster."""
    host, port = environment.get("KUBERNETES_SERVICE_HOST"), environment.get("KUBERNETES_SERVICE_PORT", "443")
    if not host or not (account / "token").exists():
        return None
    shown = f"[{host}]" if ":" in host else host
    namespace = account / "namespace"
    return Access(
        server=f"https://{shown}:{port}",
        trust=_lenient(ssl.create_default_context(cafile=str(account / "ca.crt"))),
        token=lambda: _read(account / "token"),
        namespace=namespace.read_text(encoding="utf-8").strip() if namespace.exists() else "default",
    )


def find_access(
    kubeconfig: Path | None, context: str | None = None, environment: Mapping[str, str] = os.environ
) -> Access:
    """The file named, else the pod's own account, else $KUBECONFIG, else ~/.kube/config. UsageError if none is
    there or it makes no sense."""
    if kubeconfig is None and context is None and (own := in_cluster(environment)):
        return own
    if kubeconfig is None:
        named = next((part for part in environment.get("KUBECONFIG", "").split(os.pathsep) if part), None)
        kubeconfig = Path(named) if named else Path.home() / ".kube" / "config"
        if not kubeconfig.exists():
            raise UsageError(f"no cluster: `{kubeconfig}` does not exist; give --kubeconfig FILE, or run in a pod")
    return read_kubeconfig(kubeconfig, context)


def read_kubeconfig(path: Path, context: str | None = None) -> Access:
    """The access of a context, the current one if none is named; UsageError says what is wrong with the file."""
    try:
        config = yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise UsageError(f"{path}: is not YAML: {one_line(str(error))}; mend it") from error
    if not isinstance(config, dict):
        raise UsageError(f"{path}: is no kubeconfig; `kubectl config view` shows one")
    chosen = context or config.get("current-context")
    if not chosen:
        raise UsageError(f"{path}: $.current-context is not set; give --context NAME")
    place = _named(config, "contexts", "context", chosen, path)
    cluster = _named(config, "clusters", "cluster", place.get("cluster"), path)
    user = _named(config, "users", "user", place["user"], path) if place.get("user") else {}
    server = cluster.get("server")
    if not isinstance(server, str) or not server.startswith(("https://", "http://")):
        raise UsageError(f"{path}: cluster `{place.get('cluster')}`: $.server is no URL; write https://HOST:PORT")
    program = _Program(user["exec"], server, path) if isinstance(user.get("exec"), dict) else None
    return Access(
        server=server.rstrip("/"),
        trust=_trust(cluster, user, path, program) if server.startswith("https:") else False,
        token=program.token if program else _token(user, path),
        namespace=place.get("namespace") or "default",
        proxy=cluster.get("proxy-url") or None,
    )


def _named(config: Mapping[str, Any], key: str, inner: str, name: object, path: Path) -> dict[str, Any]:
    listed = config.get(key)
    entries = [one for one in (listed if isinstance(listed, list) else ()) if isinstance(one, dict)]
    for entry in entries:
        if entry.get("name") == name:
            value = entry.get(inner)
            return value if isinstance(value, dict) else {}
    known = ", ".join(f"`{entry.get('name')}`" for entry in entries) or "none"
    raise UsageError(f"{path}: $.{key} has no `{name}`; there are: {known}")


def _token(user: Mapping[str, Any], path: Path) -> Token:
    if file := user.get("tokenFile"):
        named = path.parent / str(file)
        return lambda: _read(named)
    if user.get("auth-provider"):
        raise UsageError(f"{path}: auth-provider is gone from Kubernetes since 1.26; use an exec program")
    if user.get("username"):
        raise UsageError(f"{path}: passwords are gone from Kubernetes since 1.19; use a token or a certificate")
    given = user.get("token")
    return lambda: str(given) if given else None


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "is no plain text"
        raise EnvironmentLacksError(f"the token file {file}: {reason}") from error


def _trust(
    cluster: Mapping[str, Any], user: Mapping[str, Any], path: Path, program: "_Program | None"
) -> ssl.SSLContext:
    try:
        authority = _content(cluster, "certificate-authority", path)
        trust = _lenient(ssl.create_default_context(cadata=authority.decode("ascii") if authority else None))
        if cluster.get("insecure-skip-tls-verify"):
            trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
        certificate, key = _content(user, "client-certificate", path), _content(user, "client-key", path)
        if program is not None and certificate is None:
            certificate, key = program.certificate()
        if certificate and key:
            _present(trust, certificate, key)
    except (OSError, ssl.SSLError, ValueError, binascii.Error) as error:
        reason = getattr(error, "strerror", None) or one_line(str(error))
        raise UsageError(f"{path}: its certificates cannot be used: {reason}") from error
    return trust


def _lenient(trust: ssl.SSLContext) -> ssl.SSLContext:
    """As strict as before Python 3.13: authorities of many clusters lack what RFC 5280 wants of their form, such as
    the key identifiers."""
    trust.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return trust


def _content(given: Mapping[str, Any], key: str, path: Path) -> bytes | None:
    if data := given.get(f"{key}-data"):
        return base64.b64decode(data, validate=True)
    file = given.get(key)
    return (path.parent / str(file)).read_bytes() if file else None


def _present(trust: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """OpenSSL takes a certificate of ours from a file only: one for this moment that nobody else may read."""
    with tempfile.NamedTemporaryFile(prefix="fairway-") as file:
        file.write(certificate + b"\n" + key)
        file.flush()
        trust.load_cert_chain(file.name)


class _Credential(msgspec.Struct, frozen=True, rename="camel"):
    token: str | None = None
    client_certificate_data: str | None = None
    client_key_data: str | None = None
    expiration_timestamp: datetime | None = None


class _Answer(msgspec.Struct, frozen=True):
    status: _Credential


class _Program:
    """A program that makes tokens, as cloud providers have them; asked again before its token ends."""

    def __init__(self, settings: Mapping[str, Any], server: str, path: Path) -> None:
        if not isinstance(settings.get("command"), str):
            raise UsageError(f"{path}: $.users[].user.exec.command is missing; name the program")
        self._settings = settings
        self._path = path
        self._server = server
        self._lock = threading.Lock()
        self._known: _Credential | None = None

    def token(self) -> str | None:
        return self._credential().token

    def certificate(self) -> tuple[bytes | None, bytes | None]:
        known = self._credential()
        if not known.client_certificate_data or not known.client_key_data:
            return None, None
        return known.client_certificate_data.encode(), known.client_key_data.encode()

    def _credential(self) -> _Credential:
        with self._lock:
            known = self._known
            ends = known.expiration_timestamp if known else None
            if known is None or (ends is not None and ends.timestamp() - _EXEC_SPARE < time.time()):
                self._known = known = self._ask()
            return known

    def _ask(self) -> _Credential:
        command = str(self._settings["command"])
        if os.sep in command:  # a relative path is relative to the file, a bare name is looked for
            command = str(self._path.parent / command)
        version = self._settings.get("apiVersion", "client.authentication.k8s.io/v1")
        asked = {"apiVersion": version, "kind": "ExecCredential", "spec": {"interactive": False}}
        given = {str(one.get("name")): str(one.get("value")) for one in self._settings.get("env") or ()}
        environment = {**os.environ, **given, "KUBERNETES_EXEC_INFO": json.dumps(asked)}
        arguments = [command, *map(str, self._settings.get("args") or ())]
        try:
            done = subprocess.run(
                arguments, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=_EXEC_SECONDS,
                check=True,
            )  # fmt: skip
            return msgspec.json.decode(done.stdout, type=_Answer).status
        except FileNotFoundError:
            raise EnvironmentLacksError(
                f"{self._path}: the program `{command}`, which makes tokens for {self._server}, is not installed"
            ) from None
        except subprocess.CalledProcessError as error:
            said = one_line(error.stderr.decode(errors="replace").strip()[-200:])
            raise EnvironmentLacksError(f"`{command}` makes no token: exit {error.returncode}: {said}") from None
        except (OSError, subprocess.TimeoutExpired, msgspec.MsgspecError) as error:
            raise EnvironmentLacksError(f"`{command}` makes no token: {one_line(str(error))}") from None
