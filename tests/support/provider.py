"""A real OpenID provider on loopback, in a process of its own, where people sign in as whom they say they are."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from support.hubs import until


class Provider:
    """`issuer` is its URL."""

    def __init__(self, port: int) -> None:
        self.issuer = f"http://localhost:{port}"
        self._connection = httpx.Client(base_url=self.issuer, trust_env=False, timeout=20)

    def answers(self) -> bool:
        try:
            return self._connection.get("/.well-known/openid-configuration").status_code == 200
        except httpx.HTTPError:
            return False

    def knows(self, subject: str, **claims: Any) -> None:
        """Somebody, and what their tokens are to say."""
        self._connection.put(f"/users/{subject}", json=claims).raise_for_status()

    def sign_in(self, subject: str, audience: str, **claims: Any) -> str:
        """The ID token that the authorization code flow ends with."""
        self.knows(subject, **claims)
        back = "http://localhost/back"
        asked = {"client_id": audience, "redirect_uri": back, "response_type": "code", "scope": "openid email"}
        sent = self._connection.post("/oauth2/authorize", params=asked, data={"sub": subject})
        code = parse_qs(urlsplit(sent.headers["location"]).query)["code"][0]
        told = {"grant_type": "authorization_code", "code": code, "redirect_uri": back}
        answer = self._connection.post("/oauth2/token", data=told, auth=(audience, "any"))
        return str(answer.raise_for_status().json()["id_token"])

    def close(self) -> None:
        self._connection.close()


@contextmanager
def provider(max_age: int = 3600) -> Iterator[Provider]:
    """The provider, whose tokens count for `max_age` seconds."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--token-max-age", str(max_age)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    found = Provider(port)
    try:
        until(found.answers, 60)
        yield found
    finally:
        found.close()
        process.terminate()
        process.wait()
