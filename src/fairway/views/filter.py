"""The filter language: `src.namespace=shop dst.port=5432 proto=TCP verdict=denied since=2h`.

Terms stand side by side (and), or are joined by `and`, `or`, `not` and parentheses. A term is FIELD OPERATOR VALUE
without spaces around the operator; VALUE may be a list (`80,443`), a prefix (`orders*`), a network
(`src.ip=10.0.0.0/8`), or quoted. `since` and `until` bound the time and stand outside of `or` and `not`.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from ipaddress import ip_network
from typing import Final

from fairway.kit.errors import UsageError, one_line

LONGEST: Final = 4096
"""Characters of a filter."""
DEEPEST: Final = 32
"""Parentheses and `not` within each other."""
MOST_VALUES: Final = 256


class Form(Enum):
    """What a field's values are."""

    WORD = "a word"
    NUMBER = "a number"
    ADDRESS = "an address or network"
    VERDICT = "a verdict"


@dataclass(frozen=True, slots=True)
class Word:
    """A value to equal, or, if `prefix`, to begin with."""

    text: str
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Term:
    """One comparison: `field` with any of `values`. `operator` is `=`, `!=`, `<`, `<=`, `>` or `>=`."""

    field: str
    operator: str
    values: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """What `part` is not true of."""

    part: "Expression"


@dataclass(frozen=True, slots=True)
class All:
    """Every part is true; of no part: everything."""

    parts: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part is true; of no part: nothing is."""

    parts: tuple["Expression", ...]


Expression = Term | Not | All | AnyOf
EVERYTHING: Final = All(())


@dataclass(frozen=True, slots=True)
class Filter:
    """What to show, and of which time: `since` <= time < `until`."""

    expression: Expression = EVERYTHING
    since: datetime | None = None
    until: datetime | None = None


_END: Final = {
    "namespace": Form.WORD,
    "workload": Form.WORD,
    "name": Form.WORD,
    "kind": Form.WORD,
    "node": Form.WORD,
    "zone": Form.WORD,
    "ip": Form.ADDRESS,
}
FIELDS: Final[dict[str, Form]] = {
    **{f"{end}.{name}": form for end in ("src", "dst") for name, form in _END.items()},
    **_END,
    "dst.port": Form.NUMBER,
    "port": Form.NUMBER,
    "proto": Form.WORD,
    "service": Form.WORD,
    "category": Form.WORD,
    "reporter": Form.WORD,
    "rule": Form.WORD,
    "reason": Form.WORD,
    "verdict": Form.VERDICT,
    "bytes": Form.NUMBER,
    "packets": Form.NUMBER,
    "connections": Form.NUMBER,
    "retransmissions": Form.NUMBER,
}
"""`src` is the client, `dst` the server; without either, `namespace=shop` means one of the two."""

VERDICTS: Final = ("allowed", "denied", "would-deny", "unjudged")

_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<paren>[()])
    |(?P<field>[A-Za-z][A-Za-z.]*)(?P<operator><=|>=|!=|=|<|>)(?P<value>(?:"[^"]*"|[^\s()"])*)
    |(?P<word>[A-Za-z]+)(?=[\s()]|$))""",
    re.VERBOSE,
)
_VALUE: Final = re.compile(r'"([^"]*)"|([^,"]+)')
_DURATION: Final = re.compile(r"(\d{1,9})([smhdw])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_filter(text: str, now: datetime) -> Filter:
    """The filter that `text` says; `since` and `until` may count back from `now`. UsageError points at what is
    wrong."""
    if len(text) > LONGEST:
        raise UsageError(f"filter: has {len(text)} characters, over the limit of {LONGEST}")
    return _Parser(text, now).run()


def parse_moment(name: str, text: str, now: datetime) -> datetime:
    """A moment, or how long before `now` it was: `2h`, `2026-11-23T10:00Z`. `name` is what UsageError speaks of."""
    if ago := _DURATION.fullmatch(text):
        try:
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        except OverflowError:
            raise UsageError(f"`{name}={text}` is before all time") from None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"`{name}={one_line(text)}`: write 90s, 5m, 2h, 7d or 2026-11-23T10:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=now.tzinfo)


class _Parser:
    """Recursive descent over the tokens: or, and, not, term."""

    def __init__(self, text: str, now: datetime) -> None:
        self._text = one_line(text)
        self._now = now
        self._tokens = list(self._split())
        self._at = 0
        self._depth = 0
        self._times: dict[str, datetime] = {}

    def run(self) -> Filter:
        expression = self._either() if self._tokens else EVERYTHING
        if self._at < len(self._tokens):
            raise self._wrong("a `)` too many")
        if len(self._times) == 2 and self._times["since"] >= self._times["until"]:
            raise UsageError(f"filter: `{self._text}`: since is not before until")
        return Filter(expression, self._times.get("since"), self._times.get("until"))

    def _split(self) -> list[re.Match[str]]:
        tokens, at = [], 0
        while rest := self._text[at:].strip():
            found = _TOKEN.match(self._text, at)
            if found is None:
                where = len(self._text.rstrip()) - len(rest) + 1
                raise UsageError(
                    f"filter: at character {where}, `{rest[:20]}`: write FIELD=VALUE, such as `src.namespace=shop`"
                )
            tokens.append(found)
            at = found.end()
        return tokens

    def _either(self) -> Expression:
        parts = [self._both()]
        while self._word() == "or":
            self._at += 1
            parts.append(self._both())
        return AnyOf(tuple(parts)) if len(parts) > 1 else parts[0]

    def _both(self) -> Expression:
        parts = [self._negated()]
        while self._at < len(self._tokens) and self._word() != "or" and not self._closes():
            if self._word() == "and":
                self._at += 1
            parts.append(self._negated())
        parts = [part for part in parts if part != EVERYTHING]
        return All(tuple(parts)) if len(parts) != 1 else parts[0]

    def _negated(self) -> Expression:
        if self._word() != "not":
            return self._single()
        self._deeper()
        self._at += 1
        inner = self._negated()
        self._depth -= 1
        return Not(inner)

    def _single(self) -> Expression:
        if self._at >= len(self._tokens):
            raise UsageError(f"filter: `{self._text}`: ends where a term should follow; write FIELD=VALUE")
        token = self._tokens[self._at]
        if token["paren"] == "(":
            return self._group()
        if token["field"] is None:
            raise self._wrong(f"`{token[0].strip()}` where a term should be; write FIELD=VALUE")
        self._at += 1
        if token["field"].lower() in ("since", "until"):
            self._bound(token)
            return EVERYTHING
        return self._term(token)

    def _group(self) -> Expression:
        self._deeper()
        self._at += 1
        inner = self._either()
        if not self._closes():
            raise UsageError(f"filter: `{self._text}`: a `(` is not closed")
        self._at += 1
        self._depth -= 1
        return inner

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._wrong(f"more than {DEEPEST} parentheses or `not` within each other")

    def _term(self, token: re.Match[str]) -> Term:
        field, operator = token["field"].lower(), token["operator"]
        form = FIELDS.get(field)
        if form is None:
            raise self._wrong(f"no field `{field}`; one of {', '.join(FIELDS)}", back=1)
        if operator not in ("=", "!=") and form is not Form.NUMBER:
            raise self._wrong(f"`{field}` is {form.value} and has no order; write = or !=", back=1)
        values = tuple(self._values(token["value"], form))
        if not values:
            raise self._wrong(f"`{field}{operator}` has no value; write {form.value}", back=1)
        if len(values) > (MOST_VALUES if operator in ("=", "!=") else 1):
            raise self._wrong(f"`{field}` has {len(values)} values", back=1)
        return Term(field, operator, values)

    def _values(self, text: str, form: Form) -> list[Word]:
        words = [
            Word(bare.removesuffix("*"), prefix=True) if bare.endswith("*") else Word(bare or quoted)
            for quoted, bare in _VALUE.findall(text)
        ]
        return [self._checked(word, form) for word in words]

    def _checked(self, word: Word, form: Form) -> Word:
        if form is Form.NUMBER and not (word.text.isascii() and word.text.isdecimal() and len(word.text) < 19):
            raise self._wrong(f"`{word.text}` is no number", back=1)
        if form is Form.VERDICT and word.text not in VERDICTS:
            raise self._wrong(f"`{word.text}` is no verdict; one of {', '.join(VERDICTS)}", back=1)
        if form is Form.ADDRESS:
            try:
                return Word(str(ip_network(word.text, strict=False)))
            except ValueError:
                raise self._wrong(f"`{word.text}` is no address or network", back=1) from None
        return word

    def _bound(self, token: re.Match[str]) -> None:
        name, text = token["field"].lower(), token["value"].strip('"')
        words = [(other["word"] or "").lower() for other in self._tokens]
        if self._depth or "or" in words or token["operator"] != "=" or name in self._times:
            raise self._wrong(f"`{name}` stands once, with `=`, outside of `or`, `not` and parentheses", back=1)
        try:
            self._times[name] = parse_moment(name, text, self._now)
        except UsageError as error:
            raise self._wrong(str(error), back=1) from None

    def _word(self) -> str:
        if self._at >= len(self._tokens):
            return ""
        return (self._tokens[self._at]["word"] or "").lower()

    def _closes(self) -> bool:
        return self._at < len(self._tokens) and self._tokens[self._at]["paren"] == ")"

    def _wrong(self, what: str, back: int = 0) -> UsageError:
        at = self._tokens[self._at - back].start() + 1
        return UsageError(f"filter: at character {at}: {what}")
