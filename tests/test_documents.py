"""Paths to named sources: names, kinds, what is passed over and what is refused."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from vdr.documents import READS, Found, Source, find, shown
from vdr.errors import DocumentError

Tree = Callable[..., Path]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Return a function that makes files, each with its own path as its content, and returns the folder."""

    def make(*files: str) -> Path:
        for file in files:
            path = tmp_path / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file)
        return tmp_path

    return make


def names(found: Found) -> list[str]:
    assert not found.errors
    return [source.name for source in found.sources]


def refusals(found: Found) -> list[str]:
    assert not found.sources
    return [str(error) for error in found.errors]


# --- names -----------------------------------------------------------------------------------------------


def test_a_document_is_named_after_its_file(tree: Tree) -> None:
    root = tree("deep/below/report.pdf")
    assert names(find([root / "deep/below/report.pdf"])) == ["report.pdf"]
    assert names(find([root])) == ["report.pdf"]


def test_files_that_share_a_name_are_named_by_their_paths_below_the_folder(tree: Tree) -> None:
    root = tree("2023/q1/x.pdf", "2024/x.pdf", "2024/y.pdf", "x.pdf")
    assert names(find([root])) == ["2023/q1/x.pdf", "2024/x.pdf", "y.pdf", "x.pdf"]


def test_two_folders_with_the_same_file_are_told_apart_by_what_they_share(tree: Tree) -> None:
    root = tree("home/a/x.pdf", "home/b/x.pdf")
    found = find([root / "home/a", root / "home/b"])
    assert names(found) == ["a/x.pdf", "b/x.pdf"]
    assert [source.path.read_text() for source in found.sources] == ["home/a/x.pdf", "home/b/x.pdf"]


def test_names_below_one_folder_and_below_all_do_not_meet(tree: Tree) -> None:
    root = tree("p/a/x.pdf", "s/a/x.pdf", "s/b/x.pdf")
    assert names(find([root / "p", root / "s/a/x.pdf", root / "s/b/x.pdf"])) == ["p/a/x.pdf", "s/a/x.pdf", "s/b/x.pdf"]


def test_a_file_given_twice_is_one_source(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tree("in/x.pdf", "in/sub/y.pdf")
    monkeypatch.chdir(root / "in/sub")
    given: list[str | Path] = [
        "../x.pdf",
        "./../x.pdf",
        root / "in/x.pdf",
        root / "in/sub/../x.pdf",
        "..",
        root / "in",
        "../*.pdf",
    ]
    found = find(given)
    assert names(found) == ["x.pdf", "y.pdf"]
    assert [source.path for source in found.sources] == [root / "in/x.pdf", root / "in/sub/y.pdf"]


def test_dot_is_the_working_folder(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree("x.pdf"))
    assert names(find(["."])) == ["x.pdf"]


def test_dots_after_a_link_go_where_the_system_goes(tree: Tree) -> None:
    root = tree("real/x.pdf", "real/sub/y.pdf", "x.pdf")
    (root / "link").symlink_to(root / "real/sub")
    found = find([root / "link/../x.pdf"])
    assert [source.path.read_text() for source in found.sources] == ["real/x.pdf"]


def test_a_link_keeps_its_own_name_and_a_linked_folder_is_its_target(tree: Tree) -> None:
    root = tree("data/a1b2c3.pdf")
    (root / "report.pdf").symlink_to(root / "data/a1b2c3.pdf")
    (root / "latest").symlink_to(root / "data")
    assert names(find([root / "report.pdf"])) == ["report.pdf"]
    assert names(find([root / "latest", root / "data", root / "latest/a1b2c3.pdf"])) == ["a1b2c3.pdf"]


def test_home_is_expanded_and_an_unknown_home_is_a_missing_path(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tree("x.pdf")))
    assert names(find(["~/x.pdf"])) == ["x.pdf"]
    assert refusals(find(["~nobody-of-that-name/x.pdf"])) == [
        "~nobody-of-that-name/x.pdf does not exist. Check the path."
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux file systems take any bytes for a name")
def test_names_that_are_not_utf8_are_shown_byte_by_byte(tree: Tree) -> None:
    root = os.fsencode(tree())
    for raw in (b"caf\xe9.pdf", b"caf\xe8.pdf", "café.pdf".encode()):
        Path(os.fsdecode(root + b"/" + raw)).write_bytes(raw)
    found = find([os.fsdecode(root)])
    by_name = {source.name: source for source in found.sources}
    assert by_name.keys() == {r"caf\xe9.pdf", r"caf\xe8.pdf", "café.pdf"}
    assert by_name[r"caf\xe9.pdf"].path.read_bytes() == b"caf\xe9.pdf"
    assert by_name[r"caf\xe9.pdf"].sha256() == hashlib.sha256(b"caf\xe9.pdf").hexdigest()
    missing = Path(os.fsdecode(b"gone\xff.pdf"))
    assert shown(missing) == r"gone\xff.pdf"
    assert refusals(find([missing])) == [r"gone\xff.pdf does not exist. Check the path."]


# --- folders and globs -----------------------------------------------------------------------------------


def test_globs_are_expanded_in_order_and_a_file_of_that_name_comes_first(tree: Tree) -> None:
    root = tree("b.pdf", "a.pdf", "sub/c.pdf", "notes.txt", "[a].pdf")
    assert names(find([root / "*.pdf"])) == ["[a].pdf", "a.pdf", "b.pdf"]
    assert names(find([f"{root}/**/*.pdf"])) == ["[a].pdf", "a.pdf", "b.pdf", "c.pdf"]
    assert names(find([root / "[a].pdf"])) == ["[a].pdf"]
    assert refusals(find([root / "*.tiff"])) == [f"{root}/*.tiff does not exist. Check the path."]


def test_hidden_files_of_a_folder_are_passed_over_but_not_those_given(tree: Tree) -> None:
    root = tree(".hidden/x.pdf", "sub/.y.pdf", "..pdf", "z.pdf")
    found = find([root])
    assert names(found) == ["z.pdf"]
    assert found.ignored == ()
    assert names(find([root / ".hidden", root / "sub/.y.pdf", root / "..pdf"])) == ["x.pdf", ".y.pdf", "..pdf"]


def test_other_kinds_are_ignored_in_folders_and_refused_outright(tree: Tree) -> None:
    root = tree("a.pdf", "b.docx", "c", "d.PDF")
    found = find([root])
    assert names(found) == ["a.pdf", "d.PDF"]
    assert found.ignored == (str(root / "b.docx"), str(root / "c"))
    assert refusals(find([root / "b.docx", root / "c"])) == [
        f"{root}/b.docx is not a kind of file that vdr reads. It reads {READS}.",
        f"{root}/c is not a kind of file that vdr reads. It reads {READS}.",
    ]


def test_questions_beside_a_corpus_are_not_indexed_unless_named(tree: Tree) -> None:
    root = tree("corpus.jsonl", "queries.jsonl", "qrels.tsv")
    found = find([root])
    assert [(source.name, source.kind) for source in found.sources] == [("corpus.jsonl", "jsonl")]
    assert found.ignored == (str(root / "qrels.tsv"), str(root / "queries.jsonl"))
    assert names(find([root / "queries.jsonl"])) == ["queries.jsonl"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.pdf", "pdf"),
        ("a.JPG", "image"),
        ("a.jpeg", "image"),
        ("a.png", "image"),
        ("a.tif", "image"),
        ("a.TIFF", "image"),
        ("a.webp", "image"),
        ("a.txt", "text"),
        ("a.md", "text"),
        ("a.b.jsonl", "jsonl"),
    ],
)
def test_the_suffix_tells_the_kind(tree: Tree, name: str, kind: str) -> None:
    assert [source.kind for source in find([tree(name) / name]).sources] == [kind]


def test_an_empty_folder_holds_nothing(tmp_path: Path) -> None:
    assert find([tmp_path]) == Found((), (), ())


def test_a_folder_named_like_a_pdf_is_a_folder(tree: Tree) -> None:
    root = tree("x.pdf/inside.pdf")
    assert names(find([root / "x.pdf"])) == ["inside.pdf"]
    assert names(find([root])) == ["inside.pdf"]


# --- what cannot be read ---------------------------------------------------------------------------------


def test_paths_that_lead_nowhere(tree: Tree) -> None:
    root = tree("x.pdf")
    (root / "dangling.pdf").symlink_to(root / "gone.pdf")
    (root / "loop.pdf").symlink_to(root / "loop.pdf")
    long = "a" * 300 + ".pdf"
    given: list[str | Path] = [
        root / "no.pdf",
        root / "dangling.pdf",
        root / "loop.pdf",
        root / "x.pdf/y.pdf",
        long,
        "nul\0.pdf",
        "",
    ]
    assert refusals(find(given)) == [
        f"{root}/no.pdf does not exist. Check the path.",
        f"{root}/dangling.pdf does not exist. Check the path.",
        f"{root}/loop.pdf does not exist. Check the path.",
        f"{root}/x.pdf/y.pdf does not exist. Check the path.",
        f"{long} cannot be read (File name too long). Check that the file is readable.",
        "nul\0.pdf does not exist. Check the path.",
        "'' does not exist. Check the path.",
    ]


def test_one_bad_path_does_not_cost_the_others(tree: Tree) -> None:
    root = tree("a.pdf", "b.pdf")
    found = find([root / "a.pdf", root / "no.pdf", root / "b.pdf"])
    assert [source.name for source in found.sources] == ["a.pdf", "b.pdf"]
    assert [error.path for error in found.errors] == [str(root / "no.pdf")]


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.pdf")
    assert refusals(find([tmp_path / "pipe.pdf"])) == [
        f"{tmp_path}/pipe.pdf is a device or a pipe. Save it to a file first."
    ]
    assert find([tmp_path]) == Found((), (), ())


def test_sha256_is_that_of_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "x.pdf"
    path.write_bytes(b"abc")
    assert Source(path, "x.pdf", "pdf").sha256() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.touch(), "is empty. It has no bytes: copy or export it again."),
        (lambda path: path.mkdir(), "cannot be read (Is a directory). Check that the file is readable."),
        (lambda path: path.symlink_to("gone"), "cannot be read (No such file or directory). Check that the file is"),
    ],
    ids=["empty", "folder", "dangling"],
)
def test_sha256_refuses_what_has_no_bytes(tmp_path: Path, make: Callable[[Path], None], message: str) -> None:
    path = tmp_path / "x.pdf"
    make(path)
    with pytest.raises(DocumentError) as caught:
        Source(path, "x.pdf", "pdf").sha256()
    assert str(caught.value).startswith(f"{path} {message}")
    assert caught.value.path == str(path)
