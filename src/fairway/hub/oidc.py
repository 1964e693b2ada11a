"""People by OpenID Connect: an ID token from the provider is a bearer token here, and its claims say the roles.

OpenID Connect Core 1.0, 3.1.3.7 (what to check of an ID token) and Discovery 1.0, 4 (where the keys are). The
settings are a YAML file, `OidcSettings`; docs/hub.md shows one.
"""

import asyncio
import base64
import binascii
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from fairway.hub.auth import Grant, Principal, Role, digest
from fairway.hub.identity import ProviderDownError, RefusedTokenError
from fairway.hub.provider import asking, metadata, told
from fairway.kit.errors import UsageError, one_line

ALGORITHMS: Final = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519"]
"""Signatures by a key pair; never `none`, and no shared secret."""
KEYS_KEPT: Final = 3600.0
"""Seconds after which the provider is asked for its keys again."""
KEYS_APART: Final = 10.0
"""Seconds between two questions for keys: unknown ones cost the sender nothing to name."""
REMEMBERED: Final = 60.0
"""Seconds that a token's check holds."""
_MOST_TOKENS: Final = 4096


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who has `value` in the claim has the role, in these namespaces; None means in all."""

    value: str
    role: Role
    namespaces: tuple[str, ...] | None = None


class OidcSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`audience` is this hub's client id at the provider. `claim` may be a path: `realm_access.roles`.

    For the console's sign-in: `scopes` are asked for, and `secret_file` holds the client's secret, where the
    provider gave it one.
    """

    issuer: str
    audience: str
    rules: Annotated[tuple[Rule, ...], msgspec.Meta(min_length=1)]
    claim: str = "groups"
    name: str = "email"
    skew_seconds: Annotated[int, msgspec.Meta(ge=0, le=600)] = 60
    """How far the provider's clock may be from this one."""
    ca_file: Path | None = None
    scopes: tuple[str, ...] = ("openid", "email", "profile")
    secret_file: Path | None = None


def read_oidc(path: Path) -> OidcSettings:
    """The settings of a file; UsageError names the place that is wrong."""
    try:
        settings = msgspec.yaml.decode(path.read_bytes(), type=OidcSettings, dec_hook=_path)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise UsageError(f"{path}: {one_line(str(error))}") from error
    parts = urlsplit(settings.issuer)
    if parts.scheme != "https" and (
        parts.scheme != "http" or parts.hostname not in ("localhost", "127.0.0.1", "::1")
    ):
        raise UsageError(f"{path}: $.issuer: `{settings.issuer}` is no https URL")
    if wrong := [index for index, rule in enumerate(settings.rules) if rule.role is Role.AGENT]:
        raise UsageError(f"{path}: $.rules[{wrong[0]}].role: agents are no people; give them tokens of a file")
    return settings


def _path(kind: type, value: object) -> Path:
    if kind is not Path or not isinstance(value, str):
        raise ValueError(f"`{value}` is no path")
    return Path(value)


class Oidc:
    """Asks one provider. Keys and checked tokens are remembered for a while."""

    def __init__(self, settings: OidcSettings, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._clock = clock
        self._keys: KeySet | None = None
        self._asked = -KEYS_KEPT
        self._asking = asyncio.Lock()
        self._checked: dict[str, tuple[Principal, float]] = {}

    async def principal(self, token: str) -> Principal | None:
        """Whose token it is; None if it is not of this provider. RefusedTokenError says what is wrong with it,
        ProviderDownError that its keys are not to be had."""
        if peek(token).get("iss") != self._settings.issuer:
            return None
        key, now = digest(token), self._clock()
        known = self._checked.get(key)
        if known and now < known[1]:
            return known[0]
        claims = await self._verified(token)
        principal = principal_of(claims, self._settings, now)
        if len(self._checked) >= _MOST_TOKENS:
            self._checked.clear()
        self._checked[key] = principal, min(now + REMEMBERED, claims["exp"] + self._settings.skew_seconds)
        return principal

    async def _verified(self, token: str) -> dict[str, Any]:
        kid = peek(token, part=0).get("kid")
        keys = await self._keys_with(kid if isinstance(kid, str) else None)
        try:
            return dict(jwt.decode(token, keys, algorithms=ALGORITHMS).claims)
        except (JoseError, ValueError) as error:
            raise RefusedTokenError(f"the token's signature does not hold: {one_line(str(error))}") from None

    async def _keys_with(self, kid: str | None) -> KeySet:
        """The provider's keys, fresh enough and with this one among them if it has it."""
        async with self._asking:
            age = time.monotonic() - self._asked
            keys = self._keys
            known = keys is not None and (kid is None or any(key.kid == kid for key in keys.keys))
            if (not known and age >= KEYS_APART) or age >= KEYS_KEPT:
                self._asked = time.monotonic()
                try:
                    self._keys = keys = await self._fetch()
                except ProviderDownError:
                    if keys is None:
                        self._asked = -KEYS_KEPT
                        raise
            if keys is None:
                raise ProviderDownError(f"{self._settings.issuer} has not told its keys yet")
            return keys

    async def _fetch(self) -> KeySet:
        issuer = self._settings.issuer
        async with asking(issuer, self._settings.ca_file, "its keys") as connection:
            found = await metadata(connection, issuer)
            keys: Any = told(await connection.get(str(found.get("jwks_uri"))))
            return KeySet.import_key_set(keys)


def principal_of(claims: Mapping[str, Any], settings: OidcSettings, now: float) -> Principal:
    """Who a verified token's claims are, at a time in seconds since 1970; RefusedTokenError says what is wrong."""
    named = claims.get("aud")
    audiences = named if isinstance(named, list) else [named]
    if settings.audience not in audiences:
        raise RefusedTokenError(
            f"the token is for `{', '.join(map(str, audiences))}`, not for `{settings.audience}`"
        )
    if len(audiences) > 1 and claims.get("azp") != settings.audience:
        raise RefusedTokenError("the token is for several, and was not made for this one (azp)")
    skew = settings.skew_seconds
    if not now < _moment(claims, "exp") + skew:
        raise RefusedTokenError("the token is expired; sign in again")
    if any(name in claims and _moment(claims, name) - skew > now for name in ("nbf", "iat")):
        raise RefusedTokenError("the token is of the future; compare this hub's clock with the provider's")
    if settings.name == "email" and claims.get("email_verified") is False:
        raise RefusedTokenError("the provider has not verified the token's email")
    name = claims.get(settings.name) or claims.get("sub")
    if not isinstance(name, str) or not name:
        raise RefusedTokenError("the token names nobody")
    grants = _grants(claims, settings)
    if not grants:
        raise RefusedTokenError(f"`{name}` has no role here: no rule fits the token's `{settings.claim}`")
    return Principal.granted(name, grants)


def _grants(claims: Mapping[str, Any], settings: OidcSettings) -> tuple[Grant, ...]:
    value: Any = claims
    for step in settings.claim.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    had = {value} if isinstance(value, str) else {one for one in value or () if isinstance(one, str)}
    return tuple(Grant(rule.role, rule.namespaces) for rule in settings.rules if rule.value in had)


def _moment(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise RefusedTokenError(f"the token does not say when (`{name}`)")
    return float(value)


def peek(token: str, part: int = 1) -> Mapping[str, Any]:
    """What a token says of itself, unverified; empty for what is none."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        content = base64.urlsafe_b64decode(parts[part] + "=" * (-len(parts[part]) % 4))
        return msgspec.json.decode(content, type=dict[str, Any])
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        return {}
