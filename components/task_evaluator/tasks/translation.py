"""Translation of a user interface's messages, English to Chinese or French.

The pairs, and their form, are those of the samples ``en-zh`` and ``en-fr``; a model that was trained on
these is asked for pairs of its test split.
"""

from __future__ import annotations

import functools
from typing import ClassVar, Literal, final

from pydantic import Field

from components.task_evaluator import packages
from components.task_evaluator.pooled import PooledTask, Pools, held_out
from components.task_evaluator.task import Item

_NAMES = {"zh": "Chinese", "fr": "French"}


@final
class Translation(PooledTask):
    """English messages to translate."""

    max_answer_chars: ClassVar[int] = 400

    task: Literal["translation"] = "translation"
    language: Literal["zh", "fr"] = "fr"
    """Into which."""
    test_percent: int = Field(default=5, ge=1, le=100)
    """Share of the pairs that are asked, the corpus's own ``corpus.test_percent`` or less; 100 for a model
    that never saw any."""

    @property
    def bleu_tokenizer(self) -> str:  # type: ignore[override]
        return "zh" if self.language == "zh" else "13a"

    def pools(self, seed: int) -> Pools:
        return _pools(self.language, self.test_percent)


@functools.cache
def _pools(language: str, test_percent: int) -> Pools:
    """Messages of several lines are left out, as a line ends an answer."""
    items = [
        Item(prompt=f"English: {pair['en']}\n{_NAMES[language]}: ", target=pair[language])
        for pair in packages.translations(language)
        if "\n" not in pair["en"] + pair[language]
    ]
    return held_out(items, test_percent)
