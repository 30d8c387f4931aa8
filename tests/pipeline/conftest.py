"""A small corpus of made-up sentences, and the tiny configuration on it."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

_SUBJECTS = ["the king", "a fool", "my lady", "the old captain", "her brother", "the night", "no man"]
_VERBS = ["sees", "loves", "follows", "betrays", "remembers", "calls", "fears", "forgets"]
_OBJECTS = ["the crown", "a letter", "the sea", "his daughter", "the tower", "the moon", "bread"]
_ENDS = [".", "!", "?", ", alas.", "; so be it."]


def write_corpus(folder: Path, num_files: int = 4, paragraphs: int = 120) -> Path:
    """Text files of some 20 kB each."""
    draw = random.Random(0)
    folder.mkdir(parents=True)
    for number in range(num_files):
        blocks = []
        for _ in range(paragraphs):
            lines = [
                " ".join(draw.choice(words) for words in (_SUBJECTS, _VERBS, _OBJECTS)) + draw.choice(_ENDS)
                for _ in range(4)
            ]
            blocks.append("\n".join(lines))
        name = ("tales" if number % 2 else "plays") + f"{number}.txt"
        (folder / name).write_text("\n\n".join(blocks) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("text") / "corpus")


@pytest.fixture(scope="session")
def tiny_config(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped tiny.toml with this corpus, in two sources, and outputs in a folder of the test's."""
    from pipeline.config import SAMPLES

    folder = tmp_path_factory.mktemp("tiny")
    text = (SAMPLES / "tiny.toml").read_text(encoding="utf-8")
    sources = """sources = [
    { name = "plays", pattern = "plays*.txt", documents = "blocks", block_bytes = 300 },
    { name = "tales", pattern = "tales*.txt", documents = "blocks", block_bytes = 300 },
]"""
    start, end = text.index("sources = ["), text.index("]\n", text.index("sources = [")) + 2
    text = text[:start] + sources + "\n" + text[end:]
    text = text.replace('path = "data/shakespeare"', f'path = "{corpus}"').replace(
        'sample = "shakespeare"\n', ""
    )
    text += (
        '\n[tasks]\nnum_items = 8\nevaluate = [{ task = "parity" }, { task = "cloze", context_words = 3 }]\n'
    )
    text += f'\n[output]\nroot = "{folder}/build"\nserving_dir = "{folder}/served"\n'
    path = folder / "tiny.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def tiny_run(tiny_config: Path) -> "subprocess.CompletedProcess[str]":
    """The first run of the tiny configuration on this machine: its outputs are version 1 of each."""
    temporary = tiny_config.parent / "temporary"
    temporary.mkdir()
    return subprocess.run(
        [sys.executable, "-m", "pipeline", "run", str(tiny_config), "--ask", "the king",
         "--set", 'training.sample_prompts=["the king"]'],
        capture_output=True, text=True, check=False, cwd=tiny_config.parent, timeout=500,
        env={**os.environ, "COLUMNS": "200", "TMPDIR": str(temporary), "PYTHONDONTWRITEBYTECODE": ""},
    )  # fmt: skip
