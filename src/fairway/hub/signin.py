"""Sign-in: a browser is sent to the provider and comes back with a code, which the hub exchanges for an ID token.

The authorization code flow with PKCE (OpenID Connect Core 1.0, 3.1; RFC 7636). The hub keeps nothing meanwhile:
what must be remembered is with the browser that began, so that any hub may end what another one began.
"""

import base64
import hashlib
import secrets
import time
from typing import Annotated, Any, Final
from urllib.parse import quote, urlencode, urlsplit

import httpx
import msgspec

from fairway.hub.identity import ProviderDownError, RefusedTokenError
from fairway.hub.oidc import KEYS_KEPT, Oidc, OidcSettings, peek
from fairway.hub.provider import asking, metadata, told
from fairway.kit.errors import EnvironmentLacksError, UsageError, one_line

BACK: Final = "/sign-in"
"""The console's page that the provider sends people back to."""
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """Where to go, and what the browser must keep until it is back: `state` must come back as it is, `nonce` stands
    in the token, and `verifier` proves that who ends is who began."""

    url: str
    state: str
    nonce: str
    verifier: str


class Ending(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the provider sent back, and what was kept."""

    code: Text
    redirect: Text
    nonce: Text
    verifier: Text


class SignIn:
    """By one provider, whose tokens `oidc` checks."""

    def __init__(self, settings: OidcSettings, oidc: Oidc) -> None:
        self._settings = settings
        self._oidc = oidc
        self._found: dict[str, Any] = {}
        self._asked = -KEYS_KEPT

    @property
    def provider(self) -> str:
        """Its name for people."""
        return urlsplit(self._settings.issuer).netloc

    async def begin(self, redirect: str) -> Begun:
        """Send a browser to the provider, and from there to `redirect`. UsageError for a `redirect` that is none of
        a console's, ProviderDownError."""
        parts = urlsplit(redirect)
        if parts.scheme not in ("http", "https") or parts.path != BACK or parts.query or parts.fragment:
            raise UsageError(f"redirect: `{redirect}` is no address of a console's {BACK}")
        endpoint = await self._endpoint("authorization_endpoint")
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        asked = {
            "response_type": "code",
            "client_id": self._settings.audience,
            "redirect_uri": redirect,
            "scope": " ".join(self._settings.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        mark = "&" if urlsplit(endpoint).query else "?"
        return Begun(url=f"{endpoint}{mark}{urlencode(asked)}", state=state, nonce=nonce, verifier=verifier)

    async def finish(self, ending: Ending) -> str:
        """The ID token. RefusedTokenError where the provider refuses the code, or the token does not count here;
        ProviderDownError."""
        endpoint = await self._endpoint("token_endpoint")
        issuer, audience = self._settings.issuer, self._settings.audience
        form = {
            "grant_type": "authorization_code",
            "code": ending.code,
            "redirect_uri": ending.redirect,
            "code_verifier": ending.verifier,
        }
        async with asking(issuer, self._settings.ca_file, "a token") as connection:
            if secret := self._secret():
                connection.auth = (quote(audience, safe=""), quote(secret, safe=""))
            else:
                # Without a secret it only says who it is (RFC 6749, 3.2.1); PKCE vouches for the rest.
                form["client_id"] = audience
            answer = await connection.post(endpoint, data=form)
            if answer.status_code in (400, 401):
                raise RefusedTokenError(f"{self.provider} refuses to sign in: {_reason(answer)}")
            token = told(answer).get("id_token")
        if not isinstance(token, str) or await self._oidc.principal(token) is None:
            raise RefusedTokenError(f"{self.provider} gave no ID token of its own")
        if peek(token).get("nonce") != ending.nonce:
            raise RefusedTokenError("the token was made for another sign-in; begin again")
        return token

    async def _endpoint(self, name: str) -> str:
        if time.monotonic() - self._asked >= KEYS_KEPT:
            async with asking(self._settings.issuer, self._settings.ca_file, "of itself") as connection:
                self._found = dict(await metadata(connection, self._settings.issuer))
            self._asked = time.monotonic()
        found = self._found.get(name)
        if not isinstance(found, str) or urlsplit(found).scheme not in ("http", "https"):
            raise ProviderDownError(f"{self._settings.issuer} tells no `{name}`")
        return found

    def _secret(self) -> str:
        path = self._settings.secret_file
        try:
            return path.read_text(encoding="utf-8").strip() if path else ""
        except OSError as error:
            raise EnvironmentLacksError(f"{path}: the client's secret cannot be read: {error.strerror}") from error


def _reason(answer: httpx.Response) -> str:
    """Why, in the provider's words (RFC 6749, 5.2)."""
    try:
        said = msgspec.json.decode(answer.content, type=dict[str, Any])
    except msgspec.MsgspecError:
        said = {}
    return one_line(str(said.get("error_description") or said.get("error") or answer.status_code))[:200]
