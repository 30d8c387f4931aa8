"""Classical text processing: case, Chinese words, dictionary forms, stop words.

For those who train something else than a generator, such as a model of topics, on the documents. For
generation, leave all of it off: what a tokenizer and a model never saw, they cannot write.

Worked example, all four in the order of `steps`: ``"The cats were sleeping."`` becomes
``"the cats were sleeping."``, ``"the cat be sleep."`` and ``"cat sleep."``.
"""

from __future__ import annotations

import functools
import re
from types import ModuleType

from components.corpus_gen.cleaning import packages

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]+")


def fold_case(text: str) -> str:
    """``"Straße" -> "strasse"``: Unicode's full case folding."""
    return text.casefold()


def segment_chinese(text: str) -> str:
    """``"滚滚长江，东逝水" -> "滚滚 长江，东 逝水"``: spaces within runs of Chinese characters only."""
    tokenizer = _jieba()
    return _HAN.sub(lambda run: " ".join(tokenizer.lcut(run[0], HMM=False)), text)


def lemmatize(text: str, language: str) -> str:
    """Each word's dictionary form; unchanged where there is no dictionary of the language.

    ``lemmatize("cats were running", "en") -> "cat be run"``
    """
    simplemma = packages.require("simplemma", "cleaning.lemmatize")
    if language not in _lemma_languages():
        return text
    return _WORD.sub(lambda word: str(simplemma.lemmatize(word[0], lang=language)), text)


def remove_stop_words(text: str, language: str) -> str:
    """Without the words that are in the language's list, and the spaces that followed them.

    ``remove_stop_words("the cat is on a mat", "en") -> "cat mat"``
    """
    words = _stop_words(language)
    if not words:
        return text
    kept: list[str] = []
    end = 0
    for word in _WORD.finditer(text):
        kept.append(text[end : word.start()])
        end = word.end()
        if word[0].casefold() not in words:
            kept.append(word[0])
        elif text[end : end + 1] == " ":
            end += 1
    return "".join([*kept, text[end:]])


@functools.lru_cache(maxsize=1)
def _jieba() -> ModuleType:
    import logging

    jieba = packages.require("jieba", "cleaning.segment_chinese")
    jieba.setLogLevel(logging.WARNING)
    jieba.initialize()
    return jieba


@functools.lru_cache(maxsize=1)
def _lemma_languages() -> frozenset[str]:
    from simplemma.strategies.dictionaries.dictionary_factory import SUPPORTED_LANGUAGES

    return frozenset(SUPPORTED_LANGUAGES)


@functools.lru_cache(maxsize=128)
def _stop_words(language: str) -> frozenset[str]:
    stopwordsiso = packages.require("stopwordsiso", "cleaning.remove_stop_words")
    return frozenset(stopwordsiso.stopwords(language)) if stopwordsiso.has_lang(language) else frozenset()
