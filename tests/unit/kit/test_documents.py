"""What files hold, where it came from, and what is refused before it costs memory."""

import json
from pathlib import Path

import pytest

from fairway.kit import documents
from fairway.kit.documents import Document, first_lines, read_documents
from fairway.kit.errors import InputErrors, UsageError


def read(folder: Path, name: str, content: str | bytes) -> list[Document]:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_documents([path])


@pytest.mark.parametrize(
    ("name", "content", "sources", "values"),
    [
        ("a.yaml", "x: 1\n", [""], [{"x": 1}]),
        ("a.yaml", "x: 1\n---\n---\n# nothing\n---\nx: 2\n", ["", "#2"], [{"x": 1}, {"x": 2}]),
        ("a.yaml", "", [], []),
        ("a.json", '{"x": [1, null]}', [""], [{"x": [1, None]}]),
        ("a.json", '{"kind": "List", "items": [1, 2]}', [".items[0]", ".items[1]"], [1, 2]),
        ("a.yaml", "kind: PodList\nitems: [{a: 1}]\n", [".items[0]"], [{"a": 1}]),
        ("a.yaml", "x: 1\n---\nkind: List\nitems: [7]\n", ["", "#2.items[0]"], [{"x": 1}, 7]),
        ("a.yaml", "kind: List\nitems: no list\n", [""], [{"kind": "List", "items": "no list"}]),
        ("no-suffix", "x: 1\n", [""], [{"x": 1}]),
    ],
)
def test_documents_and_their_sources(
    tmp_path: Path, name: str, content: str, sources: list[str], values: list[object]
) -> None:
    found = read(tmp_path, name, content)
    assert [document.source for document in found] == [f"{tmp_path / name}{source}" for source in sources]
    assert [document.value for document in found] == values


def test_a_folder_is_read_in_the_order_of_names_and_only_its_manifests(tmp_path: Path) -> None:
    for name in ("b.yaml", "a/c.json", "a/b.yml", "notes.txt", "a/d.yaml.bak"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(json.dumps(name))
    assert [document.value for document in read_documents([tmp_path])] == ["a/b.yml", "a/c.json", "b.yaml"]
    assert [document.value for document in read_documents([tmp_path / "b.yaml", tmp_path / "a"])] == [
        "b.yaml",
        "a/b.yml",
        "a/c.json",
    ]


NESTED = "[" * 65 + "]" * 65
BOMB = "a: &a [1]\n" + "".join(f"b{i}: *a\n" for i in range(1001))
LAUGHS = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 9))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.yaml", "x: 1\ny: [1, 2\nz: 3\n", ":3: is not YAML: "),
        ("a.yaml", "x: 1\n\ty: 2\n", ":2: is not YAML: "),
        (
            "a.yaml",
            "x: !!python/object/apply:os.system [true]\n",
            ":1: is not YAML: could not determine a",
        ),
        ("a.yaml", "x: 2026-99-99\n", ": is not YAML: month must be in 1..12; mend or remove it"),
        ("a.yaml", "x: \x00\n", ": is not YAML: "),
        ("a.yaml", NESTED, ":1: nested deeper than 64; Kubernetes objects need neither"),
        ("a.yaml", BOMB, ":1002: more than 1000 aliases; Kubernetes objects need neither"),
        ("a.yaml", LAUGHS, ":6: its aliases stand for more than 100000 values; write out what is meant"),
        ("a.yaml", "a: &a [*a]\n", ":1: its aliases stand for more than 100000 values; write out what is meant"),
        ("a.json", "{'x': 1}", ": is not JSON: Expecting property name"),
        ("a.json", "[" * 100_000, ": is not JSON: "),
        ("a.json", "", ": is not JSON: "),
        ("a.yaml", b"x: \xff\n", ": cannot be read: is not UTF-8 text"),
    ],
)
def test_refused_in_one_line_that_says_where(tmp_path: Path, name: str, content: str | bytes, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        read(tmp_path, name, content)
    assert str(refused.value).startswith(f"{tmp_path / name}{said}")
    assert "\n" not in str(refused.value)


def test_what_is_not_there_and_what_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"gone.yaml: cannot be read: No such file or directory"):
        read_documents([tmp_path / "gone.yaml"])
    monkeypatch.setattr(documents, "MAX_FILE_BYTES", 3 << 20)
    with (tmp_path / "large.yaml").open("wb") as file:
        file.truncate((3 << 20) + 1)
    with pytest.raises(UsageError, match=r"large.yaml: 3 MiB is over the limit of 3 MiB; split the file"):
        read_documents([tmp_path / "large.yaml"])


def test_every_file_that_does_not_parse_is_told(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.json", "c.yaml"):
        (tmp_path / name).write_text("x: 1\n" if name == "c.yaml" else "{")
    with pytest.raises(InputErrors) as refused:
        read_documents([tmp_path, tmp_path / "gone.yaml"])
    assert [problem.partition(": ")[0].rpartition("/")[2] for problem in refused.value.problems] == [
        "a.yaml:2",
        "b.json",
        "gone.yaml",
    ]


PLACES = """# a comment
kind: A

---
# nothing
---
  # another
kind: List
items:
  - {kind: B}
  -
    kind: C
"""


def test_objects_have_the_line_at_which_they_begin(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(PLACES)
    (tmp_path / "b.json").write_text('{"kind": "List",\n "items": [\n  {"kind": "D"},\n  {"kind": "E"}]}')
    (tmp_path / "c.yaml").write_text("x: [")
    lines = first_lines([tmp_path])
    a, b = tmp_path / "a.yaml", tmp_path / "b.json"
    sources = [document.source for document in read_documents([a, b])]
    assert [lines[source] for source in sources] == [2, 10, 12, 3, 4]
    assert sources == [str(a), f"{a}#2.items[0]", f"{a}#2.items[1]", f"{b}.items[0]", f"{b}.items[1]"]
