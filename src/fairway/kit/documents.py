"""Documents: YAML and JSON files read whole, bounded, each value with the place it came from."""

import contextlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from fairway.kit.errors import InputErrors, UsageError

MAX_FILE_BYTES: Final = 256 << 20
MAX_DEPTH: Final = 64
MAX_ALIASES: Final = 1000
MAX_ALIASED: Final = 100_000
"""Values that all aliases of a file stand for together."""
_NULL: Final = "tag:yaml.org,2002:null"
SUFFIXES: Final = (".yaml", ".yml", ".json")


class Document(NamedTuple):
    """One document of a file. `source` is the path as the person wrote it, with `#n` from the second on."""

    source: str
    value: Any


def read_documents(paths: Sequence[Path], told: list[str] | None = None) -> list[Document]:
    """Every document of the files and folders, in the order of their names.

    A Kubernetes `List` is opened into its items. Folders are read recursively; only `.yaml`, `.yml` and
    `.json` count. InputErrors names every file, and the line, that does not parse; with `told` these problems are
    put there instead, and the rest is read.
    """
    found: list[Document] = []
    problems = []
    for file in (file for path in paths for file in _files(path)):
        try:
            found += _read(file)
        except UsageError as error:
            problems.append(str(error))
    if told is not None:
        told += problems
    elif problems:
        raise InputErrors(problems)
    return found


def first_lines(paths: Sequence[Path]) -> dict[str, int]:
    """The line at which the object of each document begins, by its source. Reads the files a second time: only for
    reports that name lines. A file that cannot be told apart so has no lines."""
    found: dict[str, int] = {}
    for file in (file for path in paths for file in _files(path)):
        with contextlib.suppress(UsageError, yaml.YAMLError, OSError, ValueError, RecursionError):
            found.update(_lines(file))
    return found


def _lines(file: Path) -> Iterator[tuple[str, int]]:
    content = file.read_text(encoding="utf-8")
    _check_shape(file, content)
    roots = yaml.compose_all(content, Loader=yaml.CSafeLoader)  # JSON is YAML, too
    number = 0
    for root in roots:
        if root.tag == _NULL:
            continue
        number += 1
        source = str(file) if number == 1 else f"{file}#{number}"
        yield source, root.start_mark.line + 1
        keys = {key.value: value for key, value in root.value} if isinstance(root, yaml.MappingNode) else {}
        items = keys.get("items")
        if isinstance(items, yaml.SequenceNode):
            yield from ((f"{source}.items[{i}]", item.start_mark.line + 1) for i, item in enumerate(items.value))


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.suffix in SUFFIXES and file.is_file())
    return [path]


def _read(file: Path) -> Iterator[Document]:
    try:
        size = file.stat().st_size
        content = file.read_text(encoding="utf-8") if size <= MAX_FILE_BYTES else ""
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "is not UTF-8 text"
        raise UsageError(f"{file}: cannot be read: {reason}") from error
    if size > MAX_FILE_BYTES:
        raise UsageError(
            f"{file}: {size >> 20} MiB is over the limit of {MAX_FILE_BYTES >> 20} MiB; split the file"
        )
    values = [_json(file, content)] if file.suffix == ".json" else _yaml(file, content)
    number = 0
    for value in values:
        if value is None:
            continue
        number += 1
        source = str(file) if number == 1 else f"{file}#{number}"
        if (
            isinstance(value, dict)
            and str(value.get("kind", "")).endswith("List")
            and isinstance(value.get("items"), list)
        ):
            yield from (Document(f"{source}.items[{i}]", item) for i, item in enumerate(value["items"]))
        else:
            yield Document(source, value)


def _json(file: Path, content: str) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{file}: is not JSON: {error}; mend or remove it") from error


def _yaml(file: Path, content: str) -> list[Any]:
    try:
        _check_shape(file, content)
        return list(yaml.load_all(content, Loader=yaml.CSafeLoader))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise UsageError(f"{file}{where}: is not YAML: {problem}; mend or remove it") from error


def _check_shape(file: Path, content: str) -> None:
    """Refuse nesting and aliasing that would make the built value far larger than the file."""
    depth = aliases = 0
    for event in yaml.parse(content, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.AliasEvent):
            aliases += 1
        if depth > MAX_DEPTH or aliases > MAX_ALIASES:
            what = f"nested deeper than {MAX_DEPTH}" if depth > MAX_DEPTH else f"more than {MAX_ALIASES} aliases"
            raise UsageError(f"{file}:{_line(event)}: {what}; Kubernetes objects need neither")
    if aliases:
        _check_growth(file, content)


def _check_growth(file: Path, content: str) -> None:
    """Refuse aliases that stand for more values together than a person would write, or for themselves."""
    sizes: dict[str, int] = {}
    open_: list[tuple[str | None, int]] = []
    total = aliased = 0
    for event in yaml.parse(content, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            open_.append((event.anchor, total))
            sizes.pop(event.anchor or "", None)
            total += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_.pop()
            sizes[anchor or ""] = total - before
        elif isinstance(event, yaml.ScalarEvent):
            sizes[event.anchor or ""] = 1
            total += 1
        elif isinstance(event, yaml.AliasEvent):
            size = sizes.get(event.anchor or "", MAX_ALIASED + 1)  # one within itself has none yet
            total, aliased = total + size, aliased + size
            if aliased > MAX_ALIASED:
                what = f"its aliases stand for more than {MAX_ALIASED} values"
                raise UsageError(f"{file}:{_line(event)}: {what}; write out what is meant")


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 0
