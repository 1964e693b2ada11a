"""A rule's number means what it meant in its own table."""

import numpy as np

from fairway.agent.rulenames import RuleNames


def named(names: RuleNames, *asked: tuple[int, int]) -> list[str]:
    """The names of (generation, number), through the words that a batch would carry."""
    generations = np.array([generation for generation, _ in asked], "u2")
    numbers = np.array([number for _, number in asked], "u4")
    return [names.words[index] for index in names.indices(generations, numbers)]


def test_the_same_number_in_two_tables() -> None:
    names = RuleNames()
    names.remember(1, ("", "orders/db ingress[0]", "ui/ui egress[0]"))
    names.remember(2, ("", "ui/ui egress[0]"))
    assert named(names, (1, 1), (2, 1), (1, 2), (1, 0), (2, 0)) == [
        "orders/db ingress[0]",
        "ui/ui egress[0]",
        "ui/ui egress[0]",
        "",
        "",
    ]
    assert sorted(names.words) == ["", "orders/db ingress[0]", "ui/ui egress[0]"], "each word once"
    assert names.words[0] == ""


def test_what_nobody_remembers_has_no_name() -> None:
    names = RuleNames()
    names.remember(1, ("", "a"))
    assert named(names, (1, 2), (7, 1), (1, 0xFFFFFFFF)) == ["", "", ""]
    assert names.indices(np.zeros(0, "u2"), np.zeros(0, "u4")).tolist() == []


def test_generations_as_the_kernel_keeps_them_in_16_bits() -> None:
    names = RuleNames()
    names.remember(0x1_0005, ("", "a"))
    assert named(names, (5, 1)) == ["a"]
    names.remember(0x2_0005, ("", "b"))
    assert named(names, (5, 1)) == ["b"]


def test_old_tables_are_forgotten() -> None:
    names = RuleNames()
    for generation in range(1, 66):
        names.remember(generation, ("", f"rule of {generation}"))
    assert named(names, (1, 1), (2, 1), (65, 1)) == ["", "rule of 2", "rule of 65"]


def test_words_start_anew_when_they_have_become_many() -> None:
    names = RuleNames()
    names.remember(1, ("", *(f"r{number}" for number in range(5000))))
    assert len(named(names, *((1, number) for number in range(1, 5001)))) == 5000
    assert len(names.words) == 5001
    names.start_batch()
    assert names.words == ("",)
    assert named(names, (1, 42)) == ["r41"]
    names.start_batch()
    assert names.words == ("", "r41"), "few words stay"
