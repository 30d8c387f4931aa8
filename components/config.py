"""Settings of the data stages: one frozen model per concern.

Each is serialised once, as JSON, into its component's execution properties and
parsed in the first line of the executor.
"""

from __future__ import annotations

import datetime
import re
import string
from collections import Counter
from typing import Literal

from pydantic import Field, field_validator, model_validator

from models.config import Settings
from models.features import NUM_SPECIAL_TOKENS

_BYTE_NAME = re.compile("<0x[0-9A-F]{2}>")


class SourceConfig(Settings):
    """One kind of text within the corpus folder."""

    name: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    """Names the source in statistics and evaluation slices."""
    pattern: str = Field(min_length=1)
    """Glob below ``corpus.path``, for example ``*.txt`` or ``news/*.jsonl.gz``; ``**`` crosses folders.
    Files in gzip, bzip2, xz or Zstandard are decompressed, whatever the format and the name.
    ``{SPAN}``, or ``{YYYY}``, ``{MM}`` and ``{DD}``, and ``{VERSION}`` stand for numbers, of which a run
    takes the latest (``corpus.span``)."""
    format: Literal["text", "markdown", "html", "jsonl", "csv", "tsv", "parquet"] = "text"
    """All in UTF-8. ``text``: source code, too. ``html``: the page's main text. ``csv`` and ``tsv`` have a
    header, and quotes as spreadsheets write them, unless ``columns`` and ``quotes`` say otherwise."""
    columns: tuple[str, ...] = ()
    """Of CSV and TSV without a header: what the columns are called, in order, ``["en", "fr", "by"]``."""
    quotes: bool = True
    """Of CSV and TSV: whether a field may stand in quotes, with line ends and separators in it. Off, a quote
    is a character like another and each line a row: collections of sentence pairs are mostly written so."""
    text_column: str = "text"
    """The field (JSONL) or column (CSV, TSV, Parquet) that holds the text."""
    text_template: str | None = None
    """Instead of ``text_column``: text with columns in braces, ``"{title}\\n\\n{body}"``; a brace that is
    meant is written twice. A text of which all columns are empty is empty."""
    prompt_column: str | None = None
    """For prompt-completion data, instead of ``text_column``: the field or column that holds the
    prompt. The document is the prompt followed by the completion, with nothing between; the prompt
    is read by the model, and is no part of the loss, in training or in evaluation."""
    prompt_template: str | None = None
    """Instead of ``prompt_column``, as ``text_template``: ``"English: {en}\\nFrench: "``."""
    completion_column: str | None = None
    """The field or column that holds what is to be learnt; to be given with a prompt. A
    record with a prompt and no completion is left out, and counted."""
    completion_template: str | None = None
    """Instead of ``completion_column``, as ``text_template``."""
    documents: Literal["file", "blocks", "lines"] = "file"
    """How a text or Markdown file becomes documents. ``file``: the whole file. ``lines``: each line that
    is not blank, without its line end. ``blocks``: whole paragraphs, cut after the first run of blank
    lines at which a document has ``block_bytes`` bytes; the blank lines stay at the document's
    end, so a file's documents, joined, are the file. Other formats: one document a record."""
    block_bytes: int = Field(default=4096, ge=1)
    """Least size of a document under ``documents = "blocks"``, in bytes."""
    drop_front_matter: bool = False
    """Of Markdown: leaves out the metadata between two lines ``---`` or ``+++`` at a file's start."""
    licence: str = ""
    """A note on the text's licence, for the report."""
    weight: float = Field(default=1.0, gt=0, le=1e15)
    """The source's part in training, by ``mixture.rule``: by default how often its rows are taken, 1 being as
    large as it is. And what each of its bytes counts beside those of other sources in the text that the
    tokenizer is trained on: its share there is its weight times its size."""

    @property
    def has_prompts(self) -> bool:
        return self.prompt_column is not None or self.prompt_template is not None

    @model_validator(mode="after")
    def _fields_are_named_once(self) -> SourceConfig:
        for part in ("text", "prompt", "completion"):
            template = getattr(self, f"{part}_template")
            if template is not None and getattr(self, f"{part}_column") not in (None, "text"):
                raise ValueError(f"{part}_column and {part}_template exclude each other: leave one out")
            if template is not None and not any(column for _, column in template_parts(template)):
                raise ValueError(f"{part}_template has no column in braces: {template!r}")
        templates = [self.text_template, self.prompt_template, self.completion_template]
        if self.format in ("text", "markdown", "html") and any(templates):
            raise ValueError(
                'templates need records with columns: format = "jsonl", "csv", "tsv" or "parquet"'
            )
        if self.format not in ("csv", "tsv") and (self.columns or not self.quotes):
            raise ValueError('columns and quotes need format = "csv" or "tsv"')
        if len(set(self.columns)) < len(self.columns):
            raise ValueError(f"columns names one twice: {', '.join(self.columns)}")
        if self.drop_front_matter and self.format != "markdown":
            raise ValueError('drop_front_matter needs format = "markdown"')
        return self

    @model_validator(mode="after")
    def _prompts_are_columns_beside_completions(self) -> SourceConfig:
        prompt = self.prompt_column if self.prompt_template is None else self.prompt_template
        completion = self.completion_column if self.completion_template is None else self.completion_template
        if prompt is None and completion is None:
            return self
        if prompt is None or completion is None:
            missing = "prompt" if prompt is None else "completion"
            raise ValueError(
                f"{missing}_column is missing: prompt_column and completion_column (or their templates) "
                "go together"
            )
        if self.prompt_column is not None and self.prompt_column == self.completion_column:
            raise ValueError(f"prompt_column and completion_column are both {prompt!r}: name two columns")
        if self.format in ("text", "markdown", "html"):
            raise ValueError(
                'prompt_column needs records with columns: format = "jsonl", "csv", "tsv" or "parquet"'
            )
        if self.text_column != "text" or self.text_template is not None:
            raise ValueError("text_column and prompt_column exclude each other: leave one out")
        return self


def template_parts(template: str) -> tuple[tuple[str, str | None], ...]:
    """``"a {b} c"`` as ``(("a ", "b"), (" c", None))``: literal text, and the column after it.

    Raises:
      ValueError: a brace is left open, or there is more than a column's name between two.
    """
    try:
        parsed = list(string.Formatter().parse(template))
    except ValueError as error:
        raise ValueError(f"{template!r}: {error}; a brace that is meant is written twice") from error
    for _, column, rule, conversion in parsed:
        if column == "" or rule or conversion:
            raise ValueError(f"{template!r}: between braces stands the name of a column, and nothing else")
    return tuple((literal, column) for literal, column, _, _ in parsed)


class CorpusConfig(Settings):
    """Which text the model is made from, and how it is split."""

    path: str = Field(min_length=1)
    """Folder that holds the text. Relative paths start at the working directory."""
    sources: tuple[SourceConfig, ...] = Field(min_length=1)
    """At least one. A file belongs to the first source whose pattern matches it."""
    span: int | datetime.date | None = None
    """The span to take where patterns have one, a number or a date; left out: the latest."""
    sample: (
        Literal[
            "shakespeare", "sanguo", "en-zh", "en-fr", "trivia", "python", "mixture", "emergence", "grokking",
        ]
        | None
    ) = None  # fmt: skip
    """A ready corpus, put into ``path`` by the command line when it is not there yet."""
    eval_percent: int = Field(default=5, ge=1, le=40)
    """Share of documents, by a hash of their text, for validation during training."""
    test_percent: int = Field(default=5, ge=1, le=40)
    """Share of documents, by the same hash, that only the Evaluator sees."""
    max_document_bytes: int = Field(default=20_000_000, ge=1000, le=1_000_000_000)
    """A document with more bytes is malformed, and reading needs a few times as much memory. No book is as
    long; what is, wants cutting up (``documents``), or is a file that inflates without end."""
    max_bad_fraction: float = Field(default=0.01, ge=0, lt=1)
    """Share of a source's records that may be malformed; more of them fail the run. A stray bad record in a
    large dump is far below one in a hundred, and a wrong column, separator or encoding spoils most of
    them. 0: the first malformed record stops the run at once."""


class TokenizerConfig(Settings):
    """How text becomes tokens: a SentencePiece model made from the train split. What its pieces cannot spell
    becomes bytes, so no text is lost."""

    algorithm: Literal["bpe", "unigram", "characters", "bytes"] = "bpe"
    """BPE trains about eight times faster, and the packer encodes it a quarter faster; in a served model
    unigram encodes nearly three times as fast. ``characters``: a piece for each character of the train split;
    for arithmetic and other text of few characters. ``bytes``: nothing is trained."""
    vocabulary_size: int = Field(default=4096, ge=1, le=1_000_000)
    """Pieces, the 256 bytes and the special tokens included: just as many for ``bpe`` and ``unigram``, at
    most as many for ``characters``; ``bytes`` has no others."""
    character_coverage: float = Field(default=0.9995, gt=0.9, le=1.0)
    """Share of the training text's characters with a piece of their own; the rest become bytes."""
    max_training_bytes: int = Field(default=50_000_000, ge=1000)
    """Trains on at most this much text, a sample by hash, of each source its share
    (``corpus.sources.weight``)."""

    special_tokens: tuple[str, ...] = Field(default=(), max_length=1000)
    """Texts that are one token each, wherever they stand in the corpus or in a prompt, such as
    ``["<|user|>", "<|assistant|>"]``; where one begins another, the longest counts. Whoever can write a
    prompt can write them, too: they mark turns, and guard nothing."""
    start_token: str | None = None
    """A token of its own before each document, such as ``"<s>"``. Left out: the end token, which then stands
    between documents and before a prompt, is the context of a text's first token."""
    end_token: str = "</s>"
    """What the token that ends a document is called. As with ``start_token`` and ``pad_token``, no text
    spells it: the name is for other programs that read the model."""
    pad_token: str = "<pad>"
    """What the token that fills rows up is called."""

    @property
    def num_special_tokens(self) -> int:
        return NUM_SPECIAL_TOKENS + (self.start_token is not None) + len(self.special_tokens)

    @property
    def num_fixed_pieces(self) -> int:
        """Those that every vocabulary has: the bytes and the special tokens."""
        return 256 + self.num_special_tokens

    @property
    def max_pieces(self) -> int:
        """How many there may be; ``characters`` may have fewer."""
        return self.num_fixed_pieces if self.algorithm == "bytes" else self.vocabulary_size

    @model_validator(mode="after")
    def _the_vocabulary_has_room(self) -> TokenizerConfig:
        least = self.num_fixed_pieces
        if self.vocabulary_size < least:
            raise ValueError(
                f"vocabulary_size = {self.vocabulary_size}: at least {least}, for the 256 bytes and "
                f"{self.num_special_tokens} special tokens"
            )
        return self

    @model_validator(mode="after")
    def _special_tokens_are_distinct(self) -> TokenizerConfig:
        start = () if self.start_token is None else (self.start_token,)
        names = [*start, self.end_token, self.pad_token, *self.special_tokens]
        for name, count in Counter([*names, "<unk>"]).items():
            if count > 1:
                raise ValueError(f"{name!r} names two special tokens (<unk> is taken): choose another text")
        for name in names:
            if not 1 <= len(name) <= 100 or re.search("[\0\u2581]", name) or _BYTE_NAME.fullmatch(name):
                raise ValueError(
                    f"{name!r} cannot be a special token: expected 1 to 100 characters, none of them NUL or "
                    "U+2581, and not the name of a byte such as <0x0A>"
                )
        return self


class PresetTokenizer(Settings):
    """Where the tokenizer comes from when it is not trained."""

    preset: str
    """As in the configuration."""
    sha256: str | None
    """Of the preset's files; None where they are not at hand, as when the pipeline is compiled."""


class WarmStart(Settings):
    """Which pushed model to start from."""

    base_path: str
    version: int | None = None
    """None: the newest one when the stage runs."""
    weights_sha256: str | None = None
    """Of that version: other weights, another training."""
    tokenizer_sha256: str | None = None
    """Of that version: any with this tokenizer will do to take it over."""

    @property
    def of_tokenizer(self) -> WarmStart:
        """What the tokenizer depends on, which a newer version does not change."""
        return self.model_copy(update={"version": None, "weights_sha256": None})


class PackingConfig(Settings):
    """How documents become rows of one length."""

    sequence_length: int = Field(default=128, ge=8, le=1_048_576)
    """Tokens predicted per row, and the model's context."""
    num_shards: int = Field(default=2, ge=1, le=10_000)
    """Packed independently, so at most this many workers pack one source and split at a time.
    Part of the result: another number gives other rows."""
    length_buckets: tuple[int, ...] = (256, 1024, 4096, 16384)
    """Bytes, ascending: documents of the held-out splits are packed apart by source, language, and between
    which of these their length is, so that the evaluation can tell them apart."""
    attention: Literal["row", "document"] = "row"
    """What a token sees of its row, in training and evaluation. ``row``: all before it, other documents, too.
    ``document``: its own document, with positions that count from the document's start; an LSTM forgets its
    state there. Better for many short documents; slower, and on a GPU an LSTM then runs without cuDNN."""

    @field_validator("length_buckets")
    @classmethod
    def _lengths_ascend(cls, lengths: tuple[int, ...]) -> tuple[int, ...]:
        if any(length < 1 for length in lengths) or list(lengths) != sorted(set(lengths)):
            raise ValueError("expected lengths in bytes, each greater than the one before")
        return lengths
