"""By which names addresses were looked up: what resolvers answer is told, each address when that is news."""

import time

import pytest

from fairway.agent.answers import MOST, Answers
from fairway.agent.kernel import Kernel, record
from fairway.agent.ring import Ring
from fairway.wire.address import packed
from fairway.wire.rules import FIRST_POLICY, PodRules, Row, RuleTable
from fairway.wire.words import Direction, Mode
from support import frames as f
from support.dns import CNAME, answer, of, query, wire
from support.pod import UID, PodUnderTest

SECOND = 1_000_000_000
RESOLVER, OTHER = "10.96.0.10", "10.96.0.11"
ADDRESS, ADDRESS6 = "198.51.100.7", "2001:db8:7::7"


@pytest.fixture
def pod(kernel: Kernel) -> PodUnderTest:
    """A node without a rule, whose resolver is known."""
    pod = PodUnderTest(kernel)
    pod.obey(RuleTable(1, exact=((OTHER, 1),), pods=(PodRules(UID),), resolvers=(RESOLVER,)))
    return pod


@pytest.fixture
def answers(kernel: Kernel) -> Answers:
    return Answers(Ring(kernel.fds["answers"], kernel.answer_bytes, kernel.answer))


def hear(pod: PodUnderTest, content: bytes, *, server: str = RESOLVER) -> None:
    pod.gets(f.ip(server, pod.address, f.UDP, f.udp(53, 40000, content)))


def told(answers: Answers) -> list[tuple[str, str, int]]:
    return [(one.address, one.name, one.ttl) for one in answers.take()]


@pytest.mark.every_kernel
def test_a_name_and_its_addresses(pod: PodUnderTest, answers: Answers) -> None:
    target = wire("edge.cdn.test")
    alias = (b"\xc0\x0c", CNAME, 60, target)
    before = time.time_ns() // 1000
    hear(pod, answer("API.Example.com", alias, of(ADDRESS, owner=target), of(ADDRESS6, 30, owner=target)))
    first, second = answers.take()
    assert (first.address, first.name, first.ttl) == (ADDRESS, "api.example.com", 300)
    assert (second.address, second.name, second.ttl) == (ADDRESS6, "api.example.com", 30)
    assert before - 1000 <= first.at_us <= second.at_us <= time.time_ns() // 1000 + 1000
    assert answers.take() == ()


def test_what_is_no_news_is_not_told_again(pod: PodUnderTest, answers: Answers) -> None:
    kernel, content = pod.kernel, answer("a.example.com", of(ADDRESS))
    table = kernel.tables["answered"]
    key = record(table.key, 4, packed(ADDRESS))

    def age(seconds: int) -> None:
        value = table.get(key)
        assert value is not None
        value["at"] -= seconds * SECOND
        table.set(key, value)

    for name, older, news in (("a", 0, 1), ("a", 599, 0), ("a", 2, 1), ("b", 0, 0), ("b", 2, 1), ("a", 2, 1)):
        if table.get(key) is not None:
            age(older)
        hear(pod, content.replace(b"\1a", b"\1" + name.encode()))
        assert [one.name for one in answers.take()] == [f"{name}.example.com"] * news, (name, older)


@pytest.mark.parametrize(
    "lie",
    [
        {"server": OTHER},
        {"content": answer("api.example.com", of(ADDRESS), flags=0x0100)},
        {"content": answer("api.example.com", of(ADDRESS), flags=0x8183)},
        {"content": answer("api.example.com")},
        {"content": answer("x" * 60 + "." + "y" * 63 + ".example.com", of(ADDRESS))},
        {"content": answer("api.example.com", of(ADDRESS))[:40]},
        {"content": answer("api\nfake.example.com", of(ADDRESS))},
    ],
    ids=["no resolver", "a question", "an error", "no address", "too long", "cut", "no host's name"],
)
def test_what_is_no_answer_is_not_told(pod: PodUnderTest, answers: Answers, lie: dict[str, object]) -> None:
    hear(pod, **{"content": answer("api.example.com", of(ADDRESS)), **lie})
    assert answers.take() == ()
    assert pod.kernel.counters()["answers_unread"] == 0, "no rule speaks of it"


def test_rules_with_names_and_the_report_do_not_mind_each_other(pod: PodUnderTest, answers: Answers) -> None:
    open_to = ((1, f.UDP, 53), (2, f.TCP, 443))
    rows = tuple(Row(FIRST_POLICY, who, Direction.EGRESS, *port, port[1], 0) for who, *port in open_to)
    rules = PodRules(UID, active=(0, FIRST_POLICY), mode=(Mode.OFF, Mode.ENFORCE))
    names = (("api.example.com", 2),)
    pod.obey(RuleTable(2, exact=((RESOLVER, 1),), rows=rows, pods=(rules,), names=names, resolvers=(RESOLVER,)))
    assert pod.sends(f.ip(pod.address, RESOLVER, f.UDP, f.udp(40000, 53, query("api.example.com"))))
    hear(pod, answer("api.example.com", of(ADDRESS)))
    hear(pod, answer("other.example.com", of("198.51.100.8")))
    assert told(answers) == [(ADDRESS, "api.example.com", 300), ("198.51.100.8", "other.example.com", 300)]
    assert [pod.opens(address, f.TCP, 443, 50000) for address in (ADDRESS, "198.51.100.8")] == [True, False]


def test_a_ring_that_is_full_is_counted_and_told_later(pod: PodUnderTest, answers: Answers) -> None:
    room = pod.kernel.answer_bytes // 168
    addresses = [f"198.51.{high}.{low}" for high in range(16) for low in range(128)]
    for start in range(0, len(addresses), 16):
        hear(pod, answer("many.example.com", *map(of, addresses[start : start + 16])))
    lost = pod.kernel.counters()["answers_lost"]
    assert 0 < len(addresses) - room <= lost
    assert len(answers.take()) == len(addresses) - lost < MOST
    hear(pod, answer("many.example.com", of(addresses[-1])))
    assert [one.address for one in answers.take()] == [addresses[-1]]
