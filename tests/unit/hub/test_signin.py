"""Signing in with the browser: what is asked of a provider that is strict about PKCE, and what is refused."""

import asyncio
import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from fairway.hub.auth import Role
from fairway.hub.identity import ProviderDownError, RefusedTokenError
from fairway.hub.oidc import Oidc, OidcSettings, Rule
from fairway.hub.serve import Listening
from fairway.hub.signin import Begun, Ending, SignIn
from fairway.kit.errors import UsageError
from support.hubs import serving

REDIRECT = "https://hub.example:8480/sign-in"


class Strict(HTTPServer):
    """A provider that holds each code to its challenge, address and client, and takes it once."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.issuer = f"http://127.0.0.1:{self.server_port}"
        self.key = RSAKey.generate_key(2048, {"kid": "k"})
        self.codes: dict[str, dict[str, str]] = {}
        self.nonce = ""
        self.secret = ""

    def went(self, begun: Begun) -> str:
        """Somebody was sent here and signed in: the code they are sent back with."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(begun.url).query).items()}
        assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
        assert asked["state"] == begun.state
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return code

    def token(self, told: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        asked = self.codes.pop(told.get("code", ""), None)
        if asked is None:
            return 400, {"error": "invalid_grant", "error_description": "the code is not known"}
        made = base64.urlsafe_b64encode(hashlib.sha256(told["code_verifier"].encode()).digest()).decode()
        if made.rstrip("=") != asked["code_challenge"] or told["redirect_uri"] != asked["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        basic = base64.b64encode(f"fairway:{self.secret}".encode()).decode()
        if authorization != f"Basic {basic}" if self.secret else told.get("client_id") != asked["client_id"]:
            return 401, {"error": "invalid_client"}
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": "fairway", "exp": now + 60, "iat": now, "email": "ann@example.com",
                  "nonce": self.nonce or asked["nonce"], "groups": ["ops"]}  # fmt: skip
        return 200, {"id_token": jwt.encode({"alg": "RS256", "kid": "k"}, claims, self.key), "token_type": "Bearer"}


class _Handler(BaseHTTPRequestHandler):
    server: Strict

    def do_GET(self) -> None:
        issuer = self.server.issuer
        self._answer(
            200,
            {"keys": [self.server.key.as_dict(private=False)]}
            if self.path == "/keys"
            else {
                "issuer": issuer,
                "jwks_uri": f"{issuer}/keys",
                "authorization_endpoint": f"{issuer}/authorize?realm=x",
                "token_endpoint": f"{issuer}/token",
            },
        )

    def do_POST(self) -> None:
        form = self.rfile.read(int(self.headers["Content-Length"])).decode()
        told = {name: values[0] for name, values in parse_qs(form).items()}
        self._answer(*self.server.token(told, self.headers.get("Authorization", "")))

    def _answer(self, status: int, content: dict[str, Any]) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())

    def log_message(self, format: str, *_: Any) -> None:
        del format


@pytest.fixture
def strict() -> Iterator[Strict]:
    with running() as found:
        yield found


@contextmanager
def running() -> Iterator[Strict]:
    with Strict() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def of(server: Strict, **more: Any) -> SignIn:
    settings = OidcSettings(issuer=server.issuer, audience="fairway", rules=(Rule("ops", Role.OPERATOR),), **more)
    return SignIn(settings, Oidc(settings))


def ended(sign_in: SignIn, server: Strict, **changed: str) -> str:
    """Go to the provider and come back; with something changed on the way."""

    async def go() -> str:
        begun = await sign_in.begin(REDIRECT)
        told = {"code": server.went(begun), "nonce": begun.nonce, "verifier": begun.verifier, "redirect": REDIRECT}
        return await sign_in.finish(Ending(**{**told, **changed}))

    return asyncio.run(go())


def test_the_code_becomes_a_token_that_the_hub_takes(strict: Strict, tmp_path: Path) -> None:
    assert ended(of(strict), strict).count(".") == 2
    (tmp_path / "secret").write_text("a:b c\n")
    # RFC 6749, 2.3.1: encoded before it is put into the header.
    strict.secret = "a%3Ab%20c"
    assert ended(of(strict, secret_file=tmp_path / "secret"), strict)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"verifier": "another"}, "refuses to sign in: invalid_grant"),
        ({"code": "another"}, "refuses to sign in: the code is not known"),
        ({"redirect": "https://elsewhere/sign-in"}, "refuses to sign in: invalid_grant"),
        ({"nonce": "another"}, "made for another sign-in"),
    ],
)
def test_what_was_not_begun_here_does_not_end_here(strict: Strict, changed: dict[str, str], said: str) -> None:
    with pytest.raises(RefusedTokenError, match=said):
        ended(of(strict), strict, **changed)


def test_a_wrong_secret_and_a_token_of_another_sign_in(strict: Strict) -> None:
    strict.secret = "theirs"
    with pytest.raises(RefusedTokenError, match="invalid_client"):
        ended(of(strict), strict)
    strict.secret, strict.nonce = "", "replayed"
    with pytest.raises(RefusedTokenError, match="made for another sign-in"):
        ended(of(strict), strict)


@pytest.mark.parametrize("redirect", ["/sign-in", "javascript:/sign-in", "https://x/sign-in?a=b", "https://x/map"])
def test_people_are_sent_back_to_a_console_alone(strict: Strict, redirect: str) -> None:
    with pytest.raises(UsageError, match="is no address of a console's"):
        asyncio.run(of(strict).begin(redirect))


def test_a_provider_that_is_away() -> None:
    with running() as gone:
        sign_in = of(gone)
    with pytest.raises(ProviderDownError, match="does not tell of itself"):
        asyncio.run(sign_in.begin(REDIRECT))


def test_a_hub_without_a_provider_says_so(tmp_path: Path) -> None:
    with serving(tmp_path) as hub, httpx.Client(base_url=hub.door.url, trust_env=False) as anybody:
        assert anybody.get("/api/v1/sign-in").json() == {"provider": None}
        answer = anybody.post("/api/v1/sign-in/begin", json={"redirect": REDIRECT})
        assert (answer.status_code, "show a token instead" in answer.text) == (400, True)
        for path in ("/api/v1/sign-in", "/api/v1/sign-in/begin"):
            assert anybody.post(path, content=b" " * (1 << 16)).status_code == 413


def test_it_is_not_asked_too_often(strict: Strict, tmp_path: Path) -> None:
    settings = tmp_path / "oidc.yaml"
    settings.write_text(f"issuer: {strict.issuer}\naudience: fairway\nrules: [{{value: ops, role: viewer}}]\n")
    with (
        serving(tmp_path, Listening(port=0, oidc=settings)) as hub,
        httpx.Client(base_url=hub.door.url, trust_env=False) as anybody,
    ):
        told = [anybody.post("/api/v1/sign-in/begin", json={"redirect": REDIRECT}) for _ in range(60)]
        assert told[0].status_code == 200
        assert {answer.status_code for answer in told} == {200, 429}
        assert int(next(a for a in told if a.status_code == 429).headers["Retry-After"]) >= 1
