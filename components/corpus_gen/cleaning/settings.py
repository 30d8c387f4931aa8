"""Settings of cleaning and of the quality rules.

Everything here that changes or drops text is off by default: documents are kept to the byte unless the
configuration says otherwise.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from models.config import Settings

Personal = Literal["email", "ip", "phone", "secret"]
RuleSet = Literal["gopher", "gopher_repetition", "c4", "fineweb"]


class CleaningConfig(Settings):
    """What is done to each document's text, in this order; a prompt and its completion are cleaned apart."""

    repair: bool = False
    """Undoes text that was decoded with the wrong encoding (``cafÃ©`` becomes ``café``), with ``ftfy``.
    Leaves quotes, ligatures and HTML entities alone."""
    control_characters: bool = False
    """Removes control characters other than tab and line ends, byte order marks within the text and
    noncharacters; vertical tabs, form feeds and NEL become line ends."""
    line_ends: bool = False
    """``\\r\\n`` and ``\\r`` become ``\\n``."""
    normalization: Literal["none", "NFC", "NFKC"] = "none"
    """Unicode Standard Annex 15. ``NFC``: one spelling of each accented letter. ``NFKC`` folds ligatures,
    full-width forms and superscripts too (x² becomes x2): it loses information."""
    trailing_spaces: bool = False
    """Removes white space at line ends."""
    repeated_spaces: bool = False
    """Runs of spaces and tabs become one space, but for those at a line's start: indentation is syntax in
    some code, and verse."""
    max_blank_lines: int | None = Field(default=None, ge=0)
    """Blank lines kept in a row; all of them when left out."""
    c4_lines: bool = False
    """Removes the lines that C4 did (arXiv 1910.10683, section 2.2): without terminal punctuation, with fewer
    than five words, with ``javascript`` or a notice of policy or cookies. For web pages; drops every heading
    and line of verse."""
    mask: tuple[Personal, ...] = ()
    """Replaces what looks like e-mail addresses, public IP addresses, phone numbers, and secrets (keys,
    tokens, passwords) by ``<EMAIL>``, ``<IP>``, ``<PHONE>`` and ``<SECRET>``, and counts them."""
    casefold: bool = False
    """Classical: folds case (``Straße`` becomes ``strasse``). A model trained on it cannot write capitals."""
    segment_chinese: bool = False
    """Classical: spaces between Chinese words, with ``jieba``. A model trained on it writes the spaces."""
    lemmatize: bool = False
    """Classical: each word becomes its dictionary form (``went`` becomes ``go``) in the document's language,
    with ``simplemma``. A model trained on it cannot inflect."""
    remove_stop_words: bool = False
    """Classical: removes the document's language's most frequent words, with ``stopwordsiso``. A model
    trained on it does not write sentences."""
    languages: tuple[str, ...] = ()
    """Documents in other languages are dropped: ISO 639-1 codes, such as ``["en", "zh"]``. Every language is
    kept when empty."""
    keep_undetermined: bool = True
    """Whether an allow list lets a text pass that has no letters, or too few to tell (``und``)."""

    @model_validator(mode="after")
    def _languages_are_known(self) -> CleaningConfig:
        unknown = sorted(set(self.languages) - set(LANGUAGES))
        if unknown:
            raise ValueError(
                f"languages: {', '.join(unknown)} cannot be identified; the codes are {' '.join(LANGUAGES)}"
            )
        return self


class GopherConfig(Settings):
    """The rules on words and lines of Rae et al. (arXiv 2112.11446, appendix A.1.1)."""

    min_words: int = Field(default=50, ge=0)
    """Words of a document, separated by white space."""
    max_words: int = Field(default=100_000, ge=1)
    """…"""
    min_mean_word_length: float = Field(default=3.0, ge=0)
    """Characters."""
    max_mean_word_length: float = Field(default=10.0, gt=0)
    """…"""
    max_symbol_to_word_ratio: float = Field(default=0.1, ge=0)
    """Hash signs to words, and ellipses to words."""
    max_bullet_lines: float = Field(default=0.9, ge=0, le=1)
    """Share of lines that start with a bullet."""
    max_ellipsis_lines: float = Field(default=0.3, ge=0, le=1)
    """Share of lines that end with an ellipsis."""
    min_alphabetic_words: float = Field(default=0.8, ge=0, le=1)
    """Share of words with at least one letter."""
    min_stop_words: int = Field(default=2, ge=0, le=8)
    """How many different ones of *the, be, to, of, and, that, have, with* it must have."""


class GopherRepetitionConfig(Settings):
    """Largest shares of repetition of Rae et al. (arXiv 2112.11446, table A1)."""

    duplicate_lines: float = Field(default=0.30, ge=0, le=1)
    """Share of lines that occurred before."""
    duplicate_paragraphs: float = Field(default=0.30, ge=0, le=1)
    """… of paragraphs."""
    duplicate_line_characters: float = Field(default=0.20, ge=0, le=1)
    """Share of characters that are in lines that occurred before."""
    duplicate_paragraph_characters: float = Field(default=0.20, ge=0, le=1)
    """… in paragraphs."""
    top_ngram_characters: tuple[float, float, float] = (0.20, 0.18, 0.16)
    """Share of the words' characters in the most frequent n-gram of words, for n from 2 to 4."""
    duplicate_ngram_characters: tuple[float, float, float, float, float, float] = (
        0.15,
        0.14,
        0.13,
        0.12,
        0.11,
        0.10,
    )
    """Share of the words' characters in n-grams of words that occurred before, for n from 5 to 10."""


class C4Config(Settings):
    """The rules on pages of Raffel et al. (arXiv 1910.10683, section 2.2); ``cleaning.c4_lines`` has those on
    lines."""

    min_sentences: int = Field(default=3, ge=0)
    """Sentences of a document."""
    allow_curly_brackets: bool = False
    """C4 dropped every page with a ``{``, as most of those hold code."""
    allow_lorem_ipsum: bool = False
    """C4 dropped every page with this filler text."""


class FineWebConfig(Settings):
    """The rules that Penedo et al. found to help (arXiv 2406.17557, section 3.6)."""

    min_punctuated_lines: float = Field(default=0.12, ge=0, le=1)
    """Share of lines that end in terminal punctuation: more than this."""
    max_duplicate_line_characters: float = Field(default=0.1, ge=0, le=1)
    """Share of characters in lines that occurred before: less than this."""
    max_short_lines: float = Field(default=0.67, ge=0, le=1)
    """Share of lines with fewer than 30 characters: less than this."""


class QualityConfig(Settings):
    """Which documents are too poor to learn from: published sets of rules, for English web pages."""

    rules: tuple[RuleSet, ...] = ()
    """Sets of rules, of which a document must pass all. None by default: they are made for crawled pages, and
    drop most verse, dialogue, tables and code."""
    languages: tuple[str, ...] = ("en",)
    """Documents in other languages pass unjudged: the sets count words between spaces, and English stop
    words. Empty: all are judged."""
    sources: tuple[str, ...] = ()
    """Only documents of these sources are judged; of all when empty."""
    prompts: bool = False
    """Whether prompt-completion documents are judged: the rules are for prose, not for questions."""
    gopher: GopherConfig = GopherConfig()
    gopher_repetition: GopherRepetitionConfig = GopherRepetitionConfig()
    c4: C4Config = C4Config()
    fineweb: FineWebConfig = FineWebConfig()


_CODES = (
    "af am an ar as az be bg bn br bs ca cs cy da de dz el en eo es et eu fa fi fo fr ga gl gu he hi "
    "hr ht hu hy id is it ja jv ka kk km kn ko ku ky la lb lo lt lv mg mk ml mn mr ms mt nb ne nl nn "
    "no oc or pa pl ps pt qu ro ru rw se si sk sl sq sr sv sw ta te th tl tr ug uk ur vi vo wa xh zh "
    "zu"
)
LANGUAGES = tuple(_CODES.split())
"""What can be identified: the 97 languages of py3langid's model, by their ISO 639-1 codes."""
