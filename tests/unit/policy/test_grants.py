"""Grants as rows: disjoint, nothing said twice, and nothing lost that one identity may not."""

from fairway.policy.grants import OTHERS, SHUT, Grant, Openings, column_of, rows_of
from fairway.policy.intervals import EVERY_PORT, Span

OPEN: Openings = (EVERY_PORT,) * 4


def tcp(low: int, high: int, rule: int = 1) -> Openings:
    return ((Span(low, high, rule),), (), (), ())


def test_columns() -> None:
    assert [column_of(number) for number in (6, 17, 132, 1, 58, 47, 255)] == [0, 1, 2, *[OTHERS] * 4]


def test_what_the_kernel_finds() -> None:
    grant = Grant(tcp(80, 81, 3), {5: ((Span(80, 80, 1), Span(81, 81, 3)), (Span(80, 90, 2),), (), ())})
    cases = [(5, 0, 80), (5, 0, 81), (5, 1, 80), (7, 0, 81), (7, 1, 80), (0, 0, 82)]
    assert [grant.rule(*case) for case in cases] == [1, 3, 2, 3, None, None]


def test_rows_say_nothing_twice() -> None:
    rows = rows_of(Grant(tcp(85, 86, 3), {5: OPEN, 7: ((Span(80, 90, 1),), (), (), ())}))
    assert rows.common == ((6, 85, 86, 3),)
    assert rows.default == ()
    assert rows.own == {5: ((0, 0, 65535, 0),), 7: ((6, 80, 84, 1), (6, 87, 90, 1))}


def test_what_one_may_not_is_said_by_name_to_the_others() -> None:
    rows = rows_of(Grant(tcp(80, 82), {2: ((Span(80, 80, 1), Span(82, 82, 1)), (), (), ())}))
    assert rows.common == ((6, 80, 80, 1), (6, 82, 82, 1))
    assert rows.default == ((6, 81, 81, 1),)
    assert rows.own == {2: ()}


def test_one_that_may_nothing_costs_the_others_one_row() -> None:
    rows = rows_of(Grant(OPEN, {2: SHUT}))
    assert (rows.common, rows.default, rows.own) == ((), ((0, 0, 65535, 0),), {2: ()})


def test_protocols_without_ports_are_named_one_by_one_only_where_others_are_shut() -> None:
    rows = rows_of(Grant(((), (), (), EVERY_PORT)))
    assert len(rows.common) == 252
    assert {protocol for protocol, *_ in rows.common} == {*range(1, 256)} - {6, 17, 132}


def test_identities_without_an_address_count_for_nothing() -> None:
    grant = Grant(OPEN, {2: SHUT, 3: OPEN})
    assert rows_of(grant, {3}).common == ((0, 0, 65535, 0),)
    assert rows_of(grant, {3}).own == {3: ()}
