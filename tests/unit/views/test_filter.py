"""The filter language: what a text means, and what is said of one that means nothing."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairway.kit.errors import UsageError
from fairway.views.filter import (
    DEEPEST,
    EVERYTHING,
    FIELDS,
    LONGEST,
    All,
    AnyOf,
    Expression,
    Filter,
    Not,
    Term,
    Word,
    parse_filter,
)

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def equal(field: str, *values: str) -> Term:
    return Term(field, "=", tuple(map(Word, values)))


A, B, C = equal("port", "1"), equal("port", "2"), equal("proto", "TCP")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("", EVERYTHING),
        ("  ", EVERYTHING),
        ("port=1", A),
        ("port=1 port=2", All((A, B))),
        ("port=1 and port=2", All((A, B))),
        ("port=1 or port=2 proto=TCP", AnyOf((A, All((B, C))))),
        ("(port=1 or port=2) proto=TCP", All((AnyOf((A, B)), C))),
        ("not port=1 port=2", All((Not(A), B))),
        ("not (port=1 port=2)", Not(All((A, B)))),
        ("NOT not port=1", Not(Not(A))),
        ("dst.port=80,443", equal("dst.port", "80", "443")),
        ("SRC.namespace=Shop", equal("src.namespace", "Shop")),
        ("src.workload=orders*", Term("src.workload", "=", (Word("orders", prefix=True),))),
        ("dst.name!=a,b", Term("dst.name", "!=", (Word("a"), Word("b")))),
        ("bytes>=1000", Term("bytes", ">=", (Word("1000"),))),
        ('category="cloud service"', equal("category", "cloud service")),
        ('service="shop/ui:80",x', equal("service", "shop/ui:80", "x")),
        ("src.ip=10.1.2.3", equal("src.ip", "10.1.2.3/32")),
        ("ip=10.1.2.3/8,2001:db8::/32", equal("ip", "10.0.0.0/8", "2001:db8::/32")),
        ("verdict=denied,would-deny", equal("verdict", "denied", "would-deny")),
    ],
)
def test_expressions(text: str, meant: Expression) -> None:
    assert parse_filter(text, NOW) == Filter(meant)


@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        ("since=2h", NOW - timedelta(hours=2), None),
        ("port=1 since=90s", NOW - timedelta(seconds=90), None),
        ("since=7d until=1d", NOW - timedelta(days=7), NOW - timedelta(days=1)),
        ("since=2026-11-01", datetime(2026, 11, 1, tzinfo=UTC), None),
        ("until=2026-11-01T10:00+02:00", None, datetime(2026, 11, 1, 8, tzinfo=UTC)),
        ("not port=1 since=1m", NOW - timedelta(minutes=1), None),
    ],
)
def test_times(text: str, since: datetime | None, until: datetime | None) -> None:
    found = parse_filter(text, NOW)
    assert (found.since, found.until) == (since, until)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("shop", "at character 1: `shop` where a term should be"),
        ("port", "`port` where a term should be"),
        ("port=", "`port=` has no value; write a number"),
        ("port=x", "`x` is no number"),
        ("port=-1", "`-1` is no number"),
        ("port>1,2", "`port` has 2 values"),
        ("src.ip=300.1.1.1", "`300.1.1.1` is no address or network"),
        ("verdict=maybe", "`maybe` is no verdict; one of allowed, denied, would-deny, unjudged"),
        ("name>a", "`name` is a word and has no order"),
        ("color=red", "no field `color`; one of src.namespace, "),
        ("(port=1", "a `(` is not closed"),
        ("port=1)", "at character 7: a `)` too many"),
        ("port=1 or", "ends where a term should follow"),
        ("or port=1", "`or` where a term should be"),
        ("since=2h or port=1", "`since` stands once"),
        ("(since=2h)", "`since` stands once"),
        ("not since=2h", "`since` stands once"),
        ("since=2h since=1h", "`since` stands once"),
        ("since=1h until=2h", "since is not before until"),
        ("since=yesterday", "write 90s, 5m, 2h, 7d or 2026-11-23T10:00Z"),
        ("since=999999999w", "is before all time"),
        ("port=1 ; drop", "at character 8"),
        ('name="open', "at character"),
        ("(" * (DEEPEST + 1) + "port=1", f"more than {DEEPEST} parentheses or `not`"),
        ("port=" + ",".join(["1"] * 300), "`port` has 300 values"),
        ("x" * (LONGEST + 1), f"over the limit of {LONGEST}"),
        ("not " * 1000 + "port=1", "more than"),
    ],
)
def test_mistakes(text: str, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_filter(text, NOW)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


PIECES = st.sampled_from(
    [*FIELDS, *"()=<>!,*\"' ", "and", "or", "not", "since", "2h", "10.0.0.0/8", "x", "\n", "é"]
)


@given(st.lists(PIECES, max_size=40).map("".join))
def test_any_text_is_a_filter_or_one_sentence(text: str) -> None:
    try:
        parse_filter(text, NOW)
    except UsageError as error:
        told = str(error)
    else:
        return
    assert told.startswith("filter: ")
    assert "\n" not in told
