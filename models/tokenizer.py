"""The tokenizer inside the graph: SentencePiece by tensorflow-text, or byte pairs in TensorFlow's own ops.

The same file that the packer reads without TensorFlow (`models.tokenizing`); tests hold that both give
the same ids for any text. Decoding is one for both kinds: the bytes that the ids stand for.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf
import tensorflow_text

from models.text_parts import ChunkOps, SpecialTokenOps, TokenizerOps
from models.tokenizing import reading, word_patterns
from models.tokenizing.byte_pairs import MAX_WORD_BYTES, BytePairModel
from models.tokenizing.vocabulary import Vocabulary

_NO_MERGE = np.int64(2**62)
_MARK = "\ufffd"


class GraphTokenizer(tf.Module):
    """Text to token ids and back, as TensorFlow ops.

    To be made after the random seed is set: tensorflow-text's resource belongs to an eager
    kernel, and ``tf.random.set_seed`` drops all of those.
    """

    def __init__(self, content: bytes) -> None:
        """``content`` is a tokenizer's file, of either kind (`models.tokenizing.reading`)."""
        super().__init__(name="tokenizer")
        model = reading.read(content)
        self.vocabulary: Vocabulary = model.vocabulary
        self._table = tf.constant(list(model.vocabulary.token_bytes))
        self._tokenize: TokenizerOps
        if isinstance(model, BytePairModel):
            self._tokenize = BytePairOps(model)
        else:
            self._tokenize = SentencePieceOps(content)
            if model.in_chunks:
                self._tokenize = ChunkOps(self._tokenize)
            if model.special_tokens:
                self._tokenize = SpecialTokenOps(model.special_tokens, self._tokenize)

    def vocabulary_size(self) -> int:
        return self.vocabulary.size

    def pieces(self, count: int) -> list[str]:
        """What the first ``count`` ids stand for: text, ``<0x0A>`` for a byte, ``</s>`` and the like."""
        return self._tokenize.names(min(count, self.vocabulary_size()))

    def encode(self, texts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Texts as the model reads them: the token that starts a document, then the text's tokens.

        Args:
          texts: string ``(batch,)``, UTF-8.

        Returns:
          ids int32 ``(batch, width)`` filled up with the padding id, and lengths int32 ``(batch,)``.
        """
        ragged = self._tokenize(texts)
        start = tf.fill([ragged.nrows(out_type=tf.int32), 1], self.vocabulary.start_id)
        ragged = tf.concat([start, ragged], axis=1)
        return ragged.to_tensor(self.vocabulary.pad_id), tf.cast(ragged.row_lengths(), tf.int32)

    def decode(self, token_ids: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
        """The texts, string ``(batch,)``, of the first ``lengths`` ids of each row; bytes that are not UTF-8
        become one U+FFFD each."""
        ragged = tf.RaggedTensor.from_tensor(token_ids, lengths=lengths)
        return _valid_utf8(tf.strings.reduce_join(tf.gather(self._table, ragged), axis=1))

    def token_bytes(self) -> list[bytes]:
        """What each id stands for, as bytes of UTF-8; nothing for a special token. The bytes of a
        sequence, joined, are its text, where they are valid UTF-8."""
        return list(self.vocabulary.token_bytes)


class SentencePieceOps(tf.Module):
    """Texts to ids, int32 ragged ``(batch, (tokens))``, by tensorflow-text."""

    def __init__(self, proto: bytes) -> None:
        super().__init__(name="sentence_pieces")
        self._sentencepiece = tensorflow_text.SentencepieceTokenizer(model=proto, out_type=tf.int32)

    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        return self._sentencepiece.tokenize(texts)

    def names(self, count: int) -> list[str]:
        pieces = self._sentencepiece.id_to_string(tf.range(count)).numpy()
        return [piece.decode(errors="replace") for piece in pieces]


class BytePairOps(tf.Module):
    """Texts to ids, int32 ragged ``(batch, (tokens))``, as `models.tokenizing.byte_pairs` has them.

    All words of all texts are merged together, one pair a word and step, in one flat vector of symbols: as
    many steps as the word with the most merges takes. KerasHub's own byte-pair ops would do the same
    with strings, and keep every word they have seen, in a server for as long as it runs.
    """

    def __init__(self, model: BytePairModel) -> None:
        super().__init__(name="byte_pairs")
        self._model = model.vocabulary
        self._prefix = " " if model.adds_prefix_space else ""
        self._size = np.int64(model.vocabulary.size)
        pairs = np.array(list(model.merges), np.int64).reshape(-1, 2)
        ranked = np.array(list(model.merges.values()), np.int64).reshape(-1, 2)
        self._byte_ids = tf.constant(model.byte_ids)
        self._merges = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(
                tf.constant(pairs[:, 0] * self._size + pairs[:, 1]),
                tf.constant(ranked[:, 0] * self._size + ranked[:, 1]),
            ),
            default_value=_NO_MERGE,
        )

    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        texts = tf.strings.join([self._prefix, texts]) if self._prefix else texts
        words = _words(texts)
        # Latin-1's characters are the 256 bytes.
        byte_values = tf.strings.unicode_decode(texts, "ISO-8859-1").flat_values
        ids = tf.gather(self._byte_ids, byte_values)
        lengths = tf.strings.length(words.flat_values)
        word_of_symbol = tf.repeat(tf.range(tf.shape(lengths)[0]), lengths)
        starts = tf.gather(tf.cumsum(lengths, exclusive=True), word_of_symbol)
        is_start = tf.math.floormod(tf.range(tf.shape(ids)[0]) - starts, MAX_WORD_BYTES) == 0
        ids, texts_of_ids = self._merged(
            ids, tf.cumsum(tf.cast(is_start, tf.int32)) - 1, tf.gather(words.value_rowids(), word_of_symbol)
        )
        return tf.RaggedTensor.from_value_rowids(ids, texts_of_ids, nrows=words.nrows())

    def names(self, count: int) -> list[str]:
        return [text.decode(errors="backslashreplace") for text in self._model.token_bytes[:count]]

    def _merged(self, ids: tf.Tensor, words: tf.Tensor, texts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Symbols, with the number of the word and of the text that each is of; both never fall."""

        def step(_: tf.Tensor, ids: tf.Tensor, words: tf.Tensor, texts: tf.Tensor) -> tuple[tf.Tensor, ...]:
            keys = tf.cast(ids[:-1], tf.int64) * self._size + tf.cast(ids[1:], tf.int64)
            ranked = tf.where(words[:-1] == words[1:], self._merges.lookup(keys), _NO_MERGE)
            found = ranked < _NO_MERGE
            index = tf.range(tf.shape(ranked)[0])
            num_words = words[-1] + 1
            best = tf.gather(tf.math.unsorted_segment_min(ranked, words[:-1], num_words), words[:-1])
            place = tf.where(found & (ranked == best), index, tf.int32.max)
            first = tf.gather(tf.math.unsorted_segment_min(place, words[:-1], num_words), words[:-1])
            chosen = index == first
            merged = tf.where(chosen, tf.cast(tf.math.floormod(ranked, self._size), tf.int32), ids[:-1])
            kept = tf.concat([[True], ~chosen], axis=0)
            ids = tf.boolean_mask(tf.concat([merged, ids[-1:]], axis=0), kept)
            return (
                tf.reduce_any(found),
                ids,
                tf.boolean_mask(words, kept),
                tf.boolean_mask(texts, kept),
            )

        state = (tf.shape(ids)[0] > 1, ids, words, texts)
        _, ids, _, texts = tf.while_loop(
            lambda goes_on, *_: goes_on,
            step,
            state,
            shape_invariants=tuple(tf.TensorShape(shape) for shape in ([], [None], [None], [None])),
            parallel_iterations=1,
        )
        return ids, texts


def _words(texts: tf.Tensor) -> tf.RaggedTensor:
    """`word_patterns.words` of each text, string ragged ``(batch, (words))``, with NUL as U+0001: the op
    that splits takes NUL for the end of the text."""
    edge, word = word_patterns.for_re2()
    texts = tf.strings.regex_replace(texts, r"\x00", "\1")
    parts = tensorflow_text.regex_split(texts, edge, edge)
    words = tensorflow_text.regex_split(parts.flat_values, word, word)
    return tf.RaggedTensor.from_row_splits(words.flat_values, tf.gather(words.row_splits, parts.row_splits))


def _valid_utf8(texts: tf.Tensor) -> tf.Tensor:
    """Each byte that is no part of a character becomes a mark. Linear in the texts' bytes."""
    codes, starts = tf.strings.unicode_decode_with_offsets(texts, "UTF-8", errors="replace")
    sizes = tf.cast(tf.strings.length(texts), tf.int64)
    rows, num_bytes = starts.value_rowids(), tf.reduce_sum(sizes)
    # Places among the bytes of all texts in a row; a character ends where the next one starts.
    first = starts.flat_values + tf.gather(tf.cumsum(sizes, exclusive=True), rows)
    lengths = tf.concat([first[1:], [num_bytes]], axis=0)[: tf.size(rows)] - first
    # Latin-1's characters are the 256 bytes.
    byte_values = tf.strings.unicode_decode(texts, "ISO-8859-1").flat_values
    is_bad = codes.flat_values == ord(_MARK)
    is_mark = is_bad
    for index, value in enumerate(_MARK.encode()):
        is_mark &= tf.gather(byte_values, tf.minimum(first + index, num_bytes - 1)) == value
    counts = tf.where(is_bad & ~is_mark, lengths, 1)
    marked = tf.RaggedTensor.from_value_rowids(
        tf.repeat(codes.flat_values, counts), tf.repeat(rows, counts), nrows=codes.nrows()
    )
    return tf.strings.unicode_encode(marked, "UTF-8")
