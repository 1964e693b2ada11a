"""Tokens: made once, kept as digests, and refused in one line when a file of them is wrong."""

from pathlib import Path

import pytest

from fairway.hub.auth import Grant, Principal, Role, Tokens, digest, own_tokens, read_tokens
from fairway.hub.state import State
from fairway.kit.errors import UsageError


@pytest.mark.parametrize(
    ("role", "includes"),
    [
        (Role.AGENT, {Role.AGENT}),
        (Role.VIEWER, {Role.VIEWER}),
        (Role.EDITOR, {Role.VIEWER, Role.EDITOR}),
        (Role.OPERATOR, {Role.VIEWER, Role.EDITOR, Role.OPERATOR}),
    ],
)
def test_roles(role: Role, includes: set[Role]) -> None:
    assert {other for other in Role if role.includes(other)} == includes


def test_own_tokens_are_made_once_and_are_nobody_elses_to_read(tmp_path: Path) -> None:
    state = State(tmp_path)
    made = own_tokens(state)
    assert own_tokens(state) == made
    for role in (Role.AGENT, Role.OPERATOR):
        path = state.token(role)
        assert path.stat().st_mode & 0o077 == 0
        principal = Tokens(made).principal(path.read_text())
        assert principal == Principal(name=f"first {role}", role=role)
    assert Tokens(made).principal("another") is None


def test_tokens_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "tokens.yaml"
    path.write_text(
        f"tokens:\n- {{name: ci, role: viewer, namespaces: [shop], sha256: {digest('abc')}}}\n"
        f"- {{name: a, role: agent, node: node-a, sha256: {digest('def')}}}\n"
    )
    tokens = Tokens(read_tokens(path))
    assert tokens.principal("abc") == Principal(name="ci", role=Role.VIEWER, namespaces=("shop",))
    assert tokens.principal("def") == Principal(name="a", role=Role.AGENT, node="node-a")


def line(name: str, token: str, role: str = "viewer") -> str:
    return f"- {{name: {name}, role: {role}, sha256: {digest(token)}}}\n"


def test_a_file_is_read_again_when_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fairway.hub.auth.LOOK_SECONDS", 0)
    path, news = tmp_path / "tokens.yaml", list[str]()
    path.write_text("tokens:\n" + line("ann", "a") + line("bob", "b"))
    tokens = Tokens({digest("own"): Principal(name="own", role=Role.OPERATOR)}, path, news.append)

    def known() -> list[str]:
        return [found.name for found in map(tokens.principal, ("own", "a", "b", "c")) if found]

    assert known() == ["own", "ann", "bob"]
    path.write_text("tokens:\n" + line("ann", "a", "operator") + line("carl", "c"))
    assert known() == ["own", "ann", "carl"]
    path.write_text("tokens: oops")
    assert known() == ["own", "ann", "carl"]
    path.unlink()
    assert known() == ["own", "ann", "carl"]
    assert [one.removeprefix(f"{path}: ") for one in news] == [
        "added carl; removed bob; changed ann",
        "Expected `array`, got `str` - at `$.tokens`; the tokens of before still count",
        "cannot be read: No such file or directory; the tokens of before still count",
    ]


def test_several_roles_in_several_places() -> None:
    somebody = Principal.granted("ann", [Grant(Role.VIEWER, ("b",)), Grant(Role.EDITOR, ("a",))])
    assert (somebody.role, somebody.namespaces) == (Role.EDITOR, ("a", "b"))
    assert [somebody.may(Role.EDITOR, place) for place in ("a", "b", None)] == [True, False, False]
    assert [somebody.may(Role.VIEWER, place) for place in ("a", "b", None)] == [True, True, False]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("tokens: 3", r"Expected `array`, got `int` - at `\$.tokens`"),
        ("tokens: [{name: x, role: boss, sha256: a}]", r"Invalid enum value 'boss' - at `\$.tokens\[0\].role`"),
        ("tokens: [{name: x, role: viewer, sha256: abc}]", r"\$.tokens\[0\].sha256: is no SHA-256"),
        ("tokens: [{name: x, role: viewer}]", "missing required field `sha256`"),
        ("token: []", "unknown field `token`"),
        ("[", "flow node"),
    ],
)
def test_files_that_are_wrong(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "tokens.yaml"
    path.write_text(content)
    with pytest.raises(UsageError, match=said) as refused:
        read_tokens(path)
    assert "\n" not in str(refused.value)
