"""Settings of a program: one frozen struct, and one precedence for where they come from.

Flags win over the environment, the environment over the file, the file over the defaults. A setting has one name
everywhere: `token-file` is `--token-file`, `FAIRWAY_AGENT_TOKEN_FILE` and the key `token-file`. The struct is a
`msgspec.Struct` with `rename="kebab"`; each field's meaning is the description of its `msgspec.Meta`.
"""

import argparse
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Generic, NamedTuple, TypeVar, get_args, get_type_hints

import msgspec

from fairway.kit.errors import InputErrors

T = TypeVar("T", bound=msgspec.Struct)
DEFAULT: Final = "default"

_SERVICE_LINK: Final = re.compile(r"SERVICE_(HOST|PORT(_.*)?)|PORT(_\d+_.*)?")
"""What Kubernetes puts into every pod's environment for a Service of the same name; nobody's setting."""


class Setting(NamedTuple):
    """One setting: its name as written in files and flags, its type, its meaning and its default."""

    name: str
    field: str
    type: Any
    about: str
    default: Any


class Settled(NamedTuple, Generic[T]):
    """The settings, and for each by name where it came from."""

    values: T
    sources: dict[str, str]


def settings_of(kind: type[msgspec.Struct]) -> list[Setting]:
    """All settings of a struct, in its order."""
    hints = get_type_hints(kind, include_extras=True)
    return [
        Setting(field.encode_name, field.name, hints[field.name], _about(hints[field.name]), field.default)
        for field in msgspec.structs.fields(kind)
    ]


def add_flags(parser: argparse.ArgumentParser, kind: type[msgspec.Struct]) -> None:
    """A flag per setting; what is not given is left out of the namespace."""
    for setting in settings_of(kind):
        options: dict[str, Any] = {"default": argparse.SUPPRESS, "dest": setting.field}
        if setting.default is False:
            options["action"] = argparse.BooleanOptionalAction
        else:
            options["metavar"] = setting.name.rpartition("-")[2].upper()
        shown = "" if setting.default in (None, "", False) else f" ({text(setting.default)})"
        parser.add_argument(f"--{setting.name}", help=(setting.about + shown).replace("%", "%%"), **options)


def settle(
    kind: type[T], *, flags: Mapping[str, Any], environment: Mapping[str, str], prefix: str, file: Any, path: str
) -> Settled[T]:
    """The settings out of all sources. InputErrors names every unknown or malformed one, and where it is.

    `file` is the file's whole content, already parsed; `environment` counts from `prefix` on.
    """
    known = {setting.name: setting for setting in settings_of(kind)}
    problems: list[str] = []
    values: dict[str, Any] = {}
    sources = dict.fromkeys(known, DEFAULT)
    given = [
        *_from_file(file, path, problems),
        *_from_environment(environment, prefix),
        *(
            (setting.name, flags[setting.field], f"--{name}")
            for name, setting in known.items()
            if setting.field in flags
        ),
    ]
    for name, value, source in given:
        setting = known.get(name)
        if setting is None:
            problems.append(f"{source}: unknown setting{_nearest(name, known)}")
            continue
        try:
            values[setting.field] = msgspec.convert(value, setting.type, strict=False, dec_hook=_path)
            sources[name] = source
        except (msgspec.ValidationError, OverflowError) as error:
            problems.append(f"{source}: `{value}`: {_lower(str(error))}")
    if problems:
        raise InputErrors(problems)
    return Settled(kind(**values), sources)


def dump(settled: Settled[Any]) -> str:
    """The settings as a YAML file that says the same again, each with its source as a comment."""
    import json

    lines = []
    for setting in settings_of(type(settled.values)):
        value = getattr(settled.values, setting.field)
        written = json.dumps(str(value) if isinstance(value, Path) else value)
        lines.append(f"{setting.name}: {written}  # {settled.sources[setting.name]}\n")
    return "".join(lines)


def text(value: Any) -> str:
    """A value as a person writes it."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _from_file(file: Any, path: str, problems: list[str]) -> Iterator[tuple[str, Any, str]]:
    if file is None:
        return
    if not isinstance(file, dict):
        problems.append(f"{path}: holds no settings; write one `name: value` per line")
        return
    for name, value in file.items():
        if value is not None:
            yield str(name), value, f"{path}: {name}"


def _from_environment(environment: Mapping[str, str], prefix: str) -> Iterator[tuple[str, Any, str]]:
    for variable, value in sorted(environment.items()):
        rest = variable.removeprefix(prefix)
        if variable.startswith(prefix) and value and not _SERVICE_LINK.fullmatch(rest):
            yield rest.lower().replace("_", "-"), value, variable


def _nearest(name: str, known: Mapping[str, Setting]) -> str:
    import difflib  # of use after a mistake only

    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean `{near[0]}`?" if near else "; `--dump` lists all"


def _about(hint: Any) -> str:
    return next((part.description or "" for part in get_args(hint) if isinstance(part, msgspec.Meta)), "")


def _path(kind: type, value: Any) -> Any:
    if kind is Path and isinstance(value, str) and "\0" not in value:
        return Path(value)
    raise msgspec.ValidationError("Expected a path")


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]
