"""Documents: YAML and JSON files read whole, bounded, each value with the place it came from."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from fairway.kit.errors import UsageError

MAX_FILE_BYTES: Final = 256 << 20
MAX_DEPTH: Final = 64
MAX_ALIASES: Final = 1000
SUFFIXES: Final = (".yaml", ".yml", ".json")


class Document(NamedTuple):
    """One document of a file. `source` is the path as the person wrote it, with `#n` from the second on."""

    source: str
    value: Any


def read_documents(paths: Sequence[Path]) -> list[Document]:
    """Every document of the files and folders, in the order of their names.

    A Kubernetes `List` is opened into its items. Folders are read recursively; only `.yaml`, `.yml` and
    `.json` count. UsageError names the file and line that does not parse.
    """
    return [document for path in paths for file in _files(path) for document in _read(file)]


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
    yield from _opened(str(file), [_json(file, content)] if file.suffix == ".json" else _yaml(file, content))


def documents_in(name: str, content: str) -> list[Document]:
    """Every document of a text of YAML or JSON that is no file's; `name` is what errors call it."""
    return list(_opened(name, _yaml(Path(name), content)))


def _opened(file: str, values: list[Any]) -> Iterator[Document]:
    number = 0
    for value in values:
        if value is None:
            continue
        number += 1
        source = file if number == 1 else f"{file}#{number}"
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


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 0
