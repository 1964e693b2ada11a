"""The agent's settings: what fits together, and what does not."""

from pathlib import Path

import pytest

from fairway.agent.config import FIXED, Config, listen_address

FINE = {"node": "a", "spool": Path("s")}
HUB = {"hub": "https://hub:8443", "token_file": Path("t")}


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {**HUB},
        {**HUB, "hub": "https://[2001:db8::1]/fairway"},
        {**HUB, "hub": "http://127.0.0.1:8080"},
        {**HUB, "hub": "http://localhost"},
        {**HUB, "pins": Path("/sys/fs/bpf/x"), "metrics": "[::]:9410", "metrics_cert": Path("c")},
        {"control": Path("c"), "pins": Path("/sys/fs/bpf/x")},
        {"spool": None, "stdout": True, "metrics": ":0"},
        {"resolvers": "169.254.20.10, fd00::10,"},
    ],
)
def test_these_fit(settings: dict[str, object]) -> None:
    assert Config(**{**FINE, **settings}).problems() == []


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"node": ""}, "`node` is missing"),
        ({"spool": None}, "`spool` is missing"),
        ({**HUB, "token_file": None}, "`hub` needs `token-file`"),
        ({**HUB, "hub": "http://hub"}, "`hub`: `http://hub` would send the token in the clear; use https://"),
        ({**HUB, "hub": "http://127.0.0.1.example"}, "in the clear"),
        *(
            ({**HUB, "hub": url}, "is no URL such as")
            for url in (
                "hub",
                "ftp://hub",
                "https://",
                "https://u:p@hub",
                "https://hub?x",
                "https://hub:x",
                "https://[",
            )
        ),
        ({**HUB, "stdout": True}, "`hub` and `stdout` exclude each other"),
        ({"pins": Path("p")}, "`pins` is of no use without `hub` or `control`"),
        ({"metrics": "here"}, "`metrics`: `here` is no address:port"),
        ({"resolvers": "dns.example.com"}, "`resolvers`: `dns.example.com` are no addresses such as"),
        ({"metrics_key": Path("k")}, "`metrics-key` is of no use without `metrics-cert`"),
    ],
)
def test_these_do_not(settings: dict[str, object], told: str) -> None:
    problems = Config(**{**FINE, **settings}).problems()
    assert len(problems) == 1
    assert told in problems[0]


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("0.0.0.0:9410", ("0.0.0.0", 9410)),
        ("[::1]:80", ("::1", 80)),
        (":9410", ("::", 9410)),
        ("localhost:9410", None),
        ("1.2.3.4", None),
        ("1.2.3.4:65536", None),
        ("1.2.3.4:-1", None),
        (":" + "9" * 5000, None),
    ],
)
def test_where_to_listen(given: str, address: tuple[str, int] | None) -> None:
    assert listen_address(given) == address


def test_what_is_fixed_is_a_setting() -> None:
    assert set(FIXED) <= set(Config.__struct_fields__)
