"""People by OpenID Connect: what each claim must say, and what a forged or foreign token is told."""

import asyncio
import base64
import json
import time
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from fairway.hub.auth import Grant, Role
from fairway.hub.identity import ProviderDownError, RefusedTokenError
from fairway.hub.oidc import Oidc, OidcSettings, Rule, principal_of, read_oidc
from fairway.kit.errors import UsageError
from support.provider import Provider, provider

NOW = 1_790_000_000
SETTINGS = OidcSettings(
    issuer="https://id.example.com",
    audience="fairway",
    claim="realm.groups",
    rules=(
        Rule("all", Role.VIEWER),
        Rule("shop", Role.EDITOR, ("shop", "carts")),
        Rule("data", Role.VIEWER, ("data",)),
        Rule("admins", Role.OPERATOR),
    ),
)
ALICE = {"email": "alice@example.com", "sub": "1", "aud": "fairway", "exp": NOW + 60, "iat": NOW, "nbf": NOW}


def claims(*groups: str, **others: Any) -> dict[str, Any]:
    told = {**ALICE, "realm": {"groups": list(groups)}, **others}
    return {name: value for name, value in told.items() if value is not None}


@pytest.mark.parametrize(
    ("groups", "role", "namespaces"),
    [
        (["all"], Role.VIEWER, None),
        (["shop"], Role.EDITOR, ("carts", "shop")),
        (["shop", "data", "others"], Role.EDITOR, ("carts", "data", "shop")),
        (["shop", "all"], Role.EDITOR, None),
        (["admins", "data"], Role.OPERATOR, None),
    ],
)
def test_roles_come_from_a_claim(groups: list[str], role: Role, namespaces: tuple[str, ...] | None) -> None:
    found = principal_of(claims(*groups), SETTINGS, NOW)
    assert (found.name, found.role, found.namespaces) == ("alice@example.com", role, namespaces)
    assert found.grants == tuple(Grant(r.role, r.namespaces) for r in SETTINGS.rules if r.value in groups)


def test_a_role_holds_where_it_was_granted() -> None:
    found = principal_of(claims("shop", "all"), SETTINGS, NOW)
    may = {
        (role, place): found.may(role, place)
        for role in (Role.VIEWER, Role.EDITOR)
        for place in ("shop", "x", None)
    }
    assert [place for place, yes in may.items() if not yes] == [(Role.EDITOR, "x"), (Role.EDITOR, None)]
    assert not found.may(Role.AGENT)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (claims("all", aud="other"), "the token is for `other`, not for `fairway`"),
        (claims("all", aud=["other"]), "not for `fairway`"),
        (claims("all", aud=None), "the token is for `None`"),
        (claims("all", aud=["fairway", "other"]), "was not made for this one"),
        (claims("all", exp=NOW - 60), "is expired"),
        (claims("all", exp=None), r"does not say when \(`exp`\)"),
        (claims("all", exp=True), r"does not say when \(`exp`\)"),
        (claims("all", nbf=NOW + 61), "is of the future"),
        (claims("all", iat=NOW + 61), "is of the future"),
        (claims("all", iat="now"), r"does not say when \(`iat`\)"),
        (claims("all", email_verified=False), "has not verified"),
        (claims("all", email=None, sub=None), "names nobody"),
        (claims("none"), "`alice@example.com` has no role here"),
        (claims(realm="all"), "has no role here"),
        (claims(realm={"groups": {"all": 1}}), None),
        (claims(realm={"groups": [["all"]]}), "has no role here"),
        (claims("all", aud=["fairway", "other"], azp="fairway"), None),
        (claims("all", exp=NOW - 59, nbf=NOW + 60, iat=NOW + 60), None),
    ],
)
def test_each_claim_counts(told: dict[str, Any], said: str | None) -> None:
    if said is None:
        assert principal_of(told, SETTINGS, NOW).name == "alice@example.com"
        return
    with pytest.raises(RefusedTokenError, match=said):
        principal_of(told, SETTINGS, NOW)


@pytest.fixture(scope="module")
def real() -> Any:
    with provider() as found:
        yield found


def settings(real: Provider, **others: Any) -> OidcSettings:
    return OidcSettings(issuer=real.issuer, audience="fairway", rules=(Rule("ops", Role.OPERATOR),), **others)


def ask(oidc: Oidc, *tokens: str) -> list[str]:
    async def each() -> list[str]:
        told = []
        for token in tokens:
            try:
                found = await oidc.principal(token)
                told.append(found.name if found else "nobody")
            except RefusedTokenError as error:
                told.append(str(error))
        return told

    return asyncio.run(each())


def test_a_token_of_a_real_provider(real: Provider) -> None:
    token = real.sign_in("bob", "fairway", email="bob@example.com", groups=["ops"])
    stranger = real.sign_in("eve", "fairway", email="eve@example.com")
    other = real.sign_in("bob", "another", email="bob@example.com", groups=["ops"])
    assert ask(Oidc(settings(real)), token, token, stranger, other) == [
        *["bob@example.com"] * 2,
        "`eve@example.com` has no role here: no rule fits the token's `groups`",
        "the token is for `another`, not for `fairway`",
    ]


def test_a_token_expires_but_for_the_skew(real: Provider) -> None:
    token = real.sign_in("bob", "fairway", email="bob@example.com", groups=["ops"])
    clock = iter([*[time.time()] * 2, time.time() + 3600 + 50, time.time() + 3600 + 70])
    assert ask(Oidc(settings(real), lambda: next(clock)), *[token] * 4) == [
        *["bob@example.com"] * 3,
        "the token is expired; sign in again",
    ]


def forged(real: Provider) -> dict[str, str]:
    told = {**claims(), "iss": real.issuer, "exp": int(time.time()) + 60, "groups": ["ops"]}
    told = {name: value for name, value in told.items() if name not in ("iat", "nbf")}
    own, shared = RSAKey.generate_key(2048), OctKey.import_key("secret-of-thirty-two-characters!")

    def part(content: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")

    return {
        "another key": jwt.encode({"alg": "RS256"}, told, own),
        "an unknown key": jwt.encode({"alg": "RS256", "kid": "mine"}, told, own),
        "a key of its own": jwt.encode({"alg": "RS256", "jwk": own.as_dict(private=False)}, told, own),
        "a shared secret": jwt.encode({"alg": "HS256"}, told, shared),
        "no signature": f"{part({'alg': 'none'})}.{part(told)}.",
    }


def test_forged_tokens(real: Provider) -> None:
    for how, token in forged(real).items():
        [said] = ask(Oidc(settings(real)), token)
        assert said.startswith("the token's signature does not hold"), how


def test_tokens_of_others_are_not_looked_at(real: Provider) -> None:
    elsewhere = Oidc(settings(real, claim="x"))
    foreign = jwt.encode({"alg": "RS256"}, {"iss": "https://other"}, RSAKey.generate_key(2048))
    assert ask(elsewhere, foreign, "abc", "a.b.c", "..", "é.é.é") == ["nobody"] * 5


def test_a_provider_that_is_away() -> None:
    with provider() as gone:
        token = gone.sign_in("bob", "fairway", email="bob@example.com", groups=["ops"])
        known = Oidc(settings(gone))
        assert ask(known, token) == ["bob@example.com"]
    again = token[:-4] + "AAAA"
    assert ask(known, again)[0].startswith("the token's signature does not hold")
    with pytest.raises(ProviderDownError, match="does not tell its keys"):
        asyncio.run(Oidc(settings(gone)).principal(token))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("issuer: https://a\naudience: x\nrules: []", r"Expected `array` of length >= 1 - at `\$.rules`"),
        ("issuer: http://a.example\naudience: x\nrules: [{value: a, role: viewer}]", r"\$.issuer: .* no https URL"),
        ("issuer: https://a\naudience: x\nrules: [{value: a, role: agent}]", "agents are no people"),
        ("issuer: https://a\naudience: x\nrules: [{value: a, role: boss}]", "Invalid enum value 'boss'"),
        ("issuer: https://a\naudience: x\nrules: [{value: a, role: viewer}]\nca_file: 7", r"is no path .*ca_file"),
        ("audience: x", "missing required field `issuer`"),
    ],
)
def test_settings_that_are_wrong(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "oidc.yaml").write_text(content)
    with pytest.raises(UsageError, match=said):
        read_oidc(tmp_path / "oidc.yaml")


def test_files_are_named_by_their_paths(tmp_path: Path) -> None:
    (tmp_path / "oidc.yaml").write_text(
        "{issuer: https://a, audience: x, rules: [{value: a, role: viewer}], ca_file: ca.pem, secret_file: /s}"
    )
    read = read_oidc(tmp_path / "oidc.yaml")
    assert (read.ca_file, read.secret_file) == (Path("ca.pem"), Path("/s"))
