"""Texts in parts, in the graph: special tokens and what is between them, and chunks for a unigram model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import tensorflow as tf

from models.tokenizing import chunks, special_tokens

_MARK = b"\xff"
"""A byte that no UTF-8 has."""


class TokenizerOps(Protocol):
    """Texts, string ``(batch,)``, to ids, int32 ragged ``(batch, (tokens))``."""

    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor: ...

    def names(self, count: int) -> list[str]:
        """What the first ``count`` ids stand for, to read."""
        ...


class SpecialTokenOps(tf.Module):
    """Texts to ids, int32 ragged ``(batch, (tokens))``, cut as `models.tokenizing.special_tokens` has it.

    Before it is cut, bytes that are not UTF-8 become U+FFFD.
    """

    def __init__(self, token_to_id: Mapping[str, int], between: TokenizerOps) -> None:
        super().__init__(name="special_tokens")
        self._between = between
        self._pattern = special_tokens.for_re2(token_to_id)
        self._ids = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(
                tf.constant(list(token_to_id), tf.string), tf.constant(list(token_to_id.values()), tf.int32)
            ),
            default_value=-1,
        )

    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        texts = tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8")
        marked = tf.strings.regex_replace(texts, self._pattern, _MARK + rb"\0" + _MARK)
        parts = tf.strings.split(marked, _MARK)
        ids = self._ids.lookup(parts.flat_values)
        is_special = ids >= 0
        special = tf.RaggedTensor.from_row_lengths(
            tf.boolean_mask(ids, is_special), tf.cast(is_special, tf.int64)
        )
        between = self._between(tf.where(is_special, "", parts.flat_values))
        return parts.with_flat_values(tf.concat([special, between], axis=1)).merge_dims(1, 2)

    def names(self, count: int) -> list[str]:
        return self._between.names(count)


class ChunkOps(tf.Module):
    """Texts to ids, int32 ragged ``(batch, (tokens))``, in pieces: `models.tokenizing.chunks`.

    Before it is cut, bytes that are not UTF-8 become U+FFFD.
    """

    def __init__(self, tokenize: TokenizerOps) -> None:
        super().__init__(name="chunks")
        self._tokenize = tokenize

    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        texts = tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8")
        marked = tf.strings.regex_replace(texts, chunks.LINE_END, rb"\0" + _MARK)
        parts = tf.strings.split(marked, _MARK)
        is_long = tf.reduce_any(tf.strings.length(parts.flat_values) > chunks.MAX_CHARACTERS)
        parts = tf.cond(is_long, lambda: _cut(parts), lambda: parts)
        return parts.with_flat_values(self._tokenize(parts.flat_values)).merge_dims(1, 2)

    def names(self, count: int) -> list[str]:
        return self._tokenize.names(count)


def _cut(lines: tf.RaggedTensor) -> tf.RaggedTensor:
    """Lines, string ragged ``(batch, (lines))``, in pieces of at most `chunks.MAX_CHARACTERS`."""
    size = chunks.MAX_CHARACTERS
    characters = tf.strings.unicode_decode(lines.flat_values, "UTF-8")
    lengths = characters.row_lengths()
    starts = size * tf.ragged.range(tf.maximum(tf.constant(1, tf.int64), (lengths + size - 1) // size))
    left = tf.gather(lengths, starts.value_rowids()) - starts.flat_values
    pieces = tf.RaggedTensor.from_row_lengths(characters.flat_values, tf.minimum(left, size))
    texts = tf.strings.unicode_encode(pieces, "UTF-8")
    return lines.with_flat_values(starts.with_flat_values(texts)).merge_dims(1, 2)
