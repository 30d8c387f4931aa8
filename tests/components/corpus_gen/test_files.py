from __future__ import annotations

import os
from pathlib import Path

import pytest
from apache_beam.io.filesystem import BeamIOError

from components.config import CorpusConfig, SourceConfig
from components.corpus_gen import files
from components.errors import CorpusError


def corpus(folder: Path | str, **patterns: str) -> CorpusConfig:
    sources = tuple(SourceConfig(name=name, pattern=pattern) for name, pattern in patterns.items())
    return CorpusConfig(path=str(folder), sources=sources)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "corpus [1]"
    for name in ("a.txt", "b.txt", "news/c.txt", "news/old/d.txt"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return root


def found(config: CorpusConfig) -> list[tuple[str, str]]:
    return [(file.relative_path, file.source.name) for file in files.list_files(config)]


def test_a_star_stays_within_a_folder_and_two_cross_folders(folder: Path) -> None:
    assert found(corpus(folder, top="*.txt")) == [("a.txt", "top"), ("b.txt", "top")]
    assert [path for path, _ in found(corpus(folder, all="**.txt"))] == [
        "a.txt",
        "b.txt",
        "news/c.txt",
        "news/old/d.txt",
    ]


def test_a_file_belongs_to_the_first_source_that_matches_it(folder: Path) -> None:
    assert found(corpus(folder, first="a*", second="*.txt")) == [("a.txt", "first"), ("b.txt", "second")]


def test_a_source_that_gets_no_file_is_an_error(folder: Path) -> None:
    with pytest.raises(CorpusError, match=r"'second': earlier sources take all 1 files that match 'a\*'"):
        files.list_files(corpus(folder, first="*", second="a*"))


def test_a_pattern_that_matches_nothing_is_an_error(folder: Path) -> None:
    with pytest.raises(CorpusError, match=r"'poems': no file below .* matches '\*\.csv'"):
        files.list_files(corpus(folder, poems="*.csv"))


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="nowhere/ does not exist"):
        files.list_files(corpus(tmp_path / "nowhere", plays="*"))


def test_relative_paths_do_not_depend_on_how_the_folder_is_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)

    written = [str(folder), f"{folder}/", folder.name, f"./{folder.name}"]

    assert len({tuple(found(corpus(path, all="**"))) for path in written}) == 1


def test_the_fingerprint_changes_with_any_source(folder: Path) -> None:
    config = corpus(folder, top="*.txt", news="news/*.txt")
    seen = {files.fingerprint(files.list_files(config))}

    os.utime(folder / "news" / "c.txt", (1, 1))
    seen.add(files.fingerprint(files.list_files(config)))
    (folder / "b.txt").write_text("longer than before")
    seen.add(files.fingerprint(files.list_files(config)))
    (folder / "a.txt").rename(folder / "z.txt")
    seen.add(files.fingerprint(files.list_files(config)))

    assert len(seen) == 4


def test_the_fingerprint_ignores_files_of_no_source(folder: Path) -> None:
    config = corpus(folder, top="*.txt")
    before = files.fingerprint(files.list_files(config))

    (folder / "notes.md").write_text("not part of it")

    assert files.fingerprint(files.list_files(config)) == before


def test_a_store_that_does_not_let_one_look_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(patterns: list[str]) -> None:
        refused = PermissionError("403 GET https://storage: caller does not have storage.objects.list")
        within = BeamIOError("List operation failed", {"gs://b/x/": refused})
        raise BeamIOError("Match operation failed", {patterns[0]: within})

    monkeypatch.setattr(files.FileSystems, "match", refuse)
    line = r"^corpus folder gs://b/x/ cannot be listed: PermissionError: 403 GET [^\n]*: check the path, "
    with pytest.raises(CorpusError, match=line):
        files.list_files(corpus("gs://b/x", all="*.txt"))
