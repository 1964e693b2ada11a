"""Which names a pod asks resolvers for, what they answer, and how long that takes."""

from collections.abc import Callable

import pytest

from fairway.agent.asked import MOST, Questions
from fairway.agent.kernel import Kernel
from fairway.wire.batch import Asked
from fairway.wire.rules import NodePod, PodRules, RuleTable
from support import frames as f
from support.dns import answer, of, query
from support.pod import LOOPBACK, UID, PodUnderTest

RESOLVER, OTHER = "10.96.0.10", "10.96.0.11"
LONG = "x" * 60 + "." + "y" * 63 + ".example.com"
PODS = {77: NodePod("else", "shop", "else", ()), LOOPBACK: NodePod(UID, "shop", "ui", ())}
Take = Callable[[], dict[str, Asked]]


@pytest.fixture
def pod(kernel: Kernel) -> PodUnderTest:
    """A node without a rule, whose resolver is known."""
    pod = PodUnderTest(kernel)
    pod.obey(RuleTable(1, exact=((OTHER, 1),), pods=(PodRules(UID),), resolvers=(RESOLVER,)))
    return pod


@pytest.fixture
def take(kernel: Kernel) -> Take:
    questions = Questions(kernel.tables["asked"])
    return lambda: {one.name: one for one in questions.take(PODS)}


def ask(pod: PodUnderTest, name: str, number: int = 7, server: str = RESOLVER) -> None:
    assert pod.sends(f.ip(pod.address, server, f.UDP, f.udp(40000, 53, query(name, number))))


def hear(pod: PodUnderTest, name: str, code: int = 0, number: int = 7, server: str = RESOLVER) -> None:
    content = answer(name, *([] if code else [of("198.51.100.7")]), number=number, flags=0x8180 | code)
    pod.gets(f.ip(server, pod.address, f.UDP, f.udp(53, 40000, content)))


@pytest.mark.every_kernel
def test_names_are_counted_with_what_came_of_them(pod: PodUnderTest, take: Take) -> None:
    for number, code in enumerate((0, 0, 2, 3, 5, 4)):
        ask(pod, "API.example.com", number)
        hear(pod, "api.Example.com", code, number)
    ask(pod, "api.example.com", 8)
    ask(pod, "gone.example.com")
    told = take()
    api, gone = told["api.example.com"], told["gone.example.com"]
    assert (api.pod, api.asked, api.noerror, api.servfail, api.nxdomain, api.refused, api.other) == (
        1,
        7,
        2,
        1,
        1,
        1,
        1,
    )
    assert 0 < api.longest_us <= api.waited_us < 6 * api.longest_us
    assert (gone.asked, gone.noerror, gone.waited_us) == (1, 0, 0)
    assert gone.last_us > api.last_us - 1_000_000 > 0
    assert take() == {}, "it is told once"
    hear(pod, "api.example.com", number=8)
    assert {name: (one.asked, one.noerror) for name, one in take().items()} == {"api.example.com": (0, 1)}


def test_what_does_not_count(pod: PodUnderTest, take: Take) -> None:
    ask(pod, "api.example.com", server=OTHER)
    hear(pod, "api.example.com", server=OTHER)
    hear(pod, "api.example.com")
    assert take() == {}, "of no resolver, and an answer that nobody asked for"
    ask(pod, "api.example.com")
    hear(pod, "api.example.com")
    hear(pod, "api.example.com")
    assert take()["api.example.com"].noerror == 1, "the second one is to no question"


@pytest.mark.parametrize("name", [LONG, "api\nfake.example.com"])
def test_what_is_no_name_of_a_host_counts_without_one(pod: PodUnderTest, take: Take, name: str) -> None:
    ask(pod, name)
    hear(pod, name, 3)
    assert [(one.name, one.asked, one.nxdomain) for one in take().values()] == [("", 1, 1)]


def test_many_names_and_too_many(kernel: Kernel, pod: PodUnderTest, take: Take) -> None:
    """Those that fail keep their names, sums stay exact, and what the table cannot hold is counted."""
    for number in range(MOST + 99):
        ask(pod, f"n{number}.example.com", number)
        if number < MOST + 90:
            hear(pod, f"n{number}.example.com", number=number)
    told = take()
    assert len(told) == MOST + 1
    assert all(f"n{number}.example.com" in told for number in range(MOST + 90, MOST + 99))
    assert (told[""].asked, told[""].noerror) == (99, 99)
    assert sum(one.asked for one in told.values()) == MOST + 99
    for number in range(kernel.tables["asked"].size + 5):
        ask(pod, f"m{number}.example.com", number % 65536)
    assert kernel.counters()["asked_lost"] == 5
