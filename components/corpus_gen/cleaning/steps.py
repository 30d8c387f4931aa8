"""The text steps and the filters that a configuration puts on, as two pure functions of a document."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from components.corpus_gen.cleaning import (
    c4,
    characters,
    fineweb,
    gopher,
    language,
    lines,
    masking,
    packages,
    repetition,
    words,
)
from components.corpus_gen.cleaning.reason import Reason
from components.corpus_gen.cleaning.settings import CleaningConfig, QualityConfig
from components.documents import Document

Step = Callable[[str], str]


@dataclasses.dataclass(frozen=True)
class Cleaned:
    """A document after its text steps."""

    document: Document
    masked: dict[str, int]
    """Kind of what was masked -> how often."""
    changed: frozenset[str] = frozenset()
    """The steps, by their settings' names, that left another text than they were given."""


def clean(document: Document, settings: CleaningConfig) -> Cleaned:
    """The document with every text step that is on; the prompt's end stays where it was.

    Its text may be empty afterwards.
    """
    if not changes_text(settings):
        return Cleaned(document, {})
    masked: dict[str, int] = {}
    changed: set[str] = set()
    halves = document.split_prompt()
    spoken = language.identify(document.text) if _needs_language(settings) else language.UNDETERMINED
    prompt, completion = (_clean(half, settings, spoken, masked, changed) for half in halves)
    cleaned = dataclasses.replace(
        document,
        text=prompt + completion,
        num_prompt_bytes=len(prompt.encode()),
        num_masked=sum(masked.values()),
    )
    return Cleaned(cleaned, masked, frozenset(changed))


def changes_text(settings: CleaningConfig) -> bool:
    """Whether any text step is on."""
    allow_list = {"languages": (), "keep_undetermined": True}
    return settings.model_copy(update=allow_list) != CleaningConfig()


def judge_language(document: Document, settings: CleaningConfig) -> Reason | None:
    """Whether a document's language is on the allow list."""
    if not settings.languages:
        return None
    found = language.identify(document.text)
    if found in settings.languages or (found == language.UNDETERMINED and settings.keep_undetermined):
        return None
    return Reason(
        "not_allowed", f"the language looks like {found!r}, allowed are {' '.join(settings.languages)}"
    )


def judge_quality(document: Document, settings: QualityConfig) -> Reason | None:
    """The first rule, of the sets that are on, that a document is against."""
    if not settings.rules or (document.num_prompt_bytes and not settings.prompts):
        return None
    if settings.sources and document.source not in settings.sources:
        return None
    if settings.languages and language.identify(document.text) not in settings.languages:
        return None
    for name in settings.rules:
        reason = _RULE_SETS[name](document.text, getattr(settings, name))
        if reason is not None:
            return reason
    return None


def require_packages(settings: CleaningConfig) -> None:
    """Raises `CorpusError` when a step is on whose package is missing: before a corpus is read."""
    for setting, package in _PACKAGES.items():
        if getattr(settings, setting):
            packages.require(package, f"cleaning.{setting}")


def _clean(
    text: str, settings: CleaningConfig, spoken: str, masked: dict[str, int], changed: set[str]
) -> str:
    def mask(text: str) -> str:
        without, counts = masking.mask(text, settings.mask)
        for kind, count in counts.items():
            masked[kind] = masked.get(kind, 0) + count
        return without

    for name, step in [*_character_steps(settings), ("mask", mask), *_word_steps(settings, spoken)]:
        if getattr(settings, name) != _OFF[name]:
            before, text = text, step(text)
            if text != before:
                changed.add(name)
    return text


def _character_steps(settings: CleaningConfig) -> list[tuple[str, Step]]:
    """By the settings' names."""
    form, most = settings.normalization, settings.max_blank_lines
    return [
        ("repair", characters.repair),
        ("control_characters", characters.remove_control_characters),
        ("line_ends", characters.unify_line_ends),
        ("normalization", lambda text: characters.normalize(text, form) if form != "none" else text),
        ("trailing_spaces", characters.strip_trailing_spaces),
        ("repeated_spaces", characters.collapse_spaces),
        ("max_blank_lines", lambda text: characters.limit_blank_lines(text, most or 0)),
        ("c4_lines", lines.keep_sentences),
    ]


def _word_steps(settings: CleaningConfig, spoken: str) -> list[tuple[str, Step]]:
    return [
        ("casefold", words.fold_case),
        ("segment_chinese", words.segment_chinese),
        ("lemmatize", lambda text: words.lemmatize(text, spoken)),
        ("remove_stop_words", lambda text: words.remove_stop_words(text, spoken)),
    ]


def _needs_language(settings: CleaningConfig) -> bool:
    return settings.lemmatize or settings.remove_stop_words


_OFF = CleaningConfig().model_dump()
"""Step -> the setting with which it does nothing."""

_PACKAGES = {
    "repair": "ftfy",
    "segment_chinese": "jieba",
    "lemmatize": "simplemma",
    "remove_stop_words": "stopwordsiso",
}
"""Step -> what it needs."""

_RULE_SETS: dict[str, Callable[..., Reason | None]] = {
    "gopher": gopher.judge,
    "gopher_repetition": repetition.judge,
    "c4": c4.judge,
    "fineweb": fineweb.judge,
}
