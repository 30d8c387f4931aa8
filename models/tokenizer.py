"""The tokenizer inside the graph: tensorflow-text's SentencePiece.

The same ``tokenizer.model`` that the packer reads with the sentencepiece package; a
test holds that both give the same ids.
"""

from __future__ import annotations

import re

import tensorflow as tf
import tensorflow_text

from models.features import END_ID, NUM_SPECIAL_TOKENS, PAD_ID

_BYTE_PIECE = re.compile("<0x([0-9A-F]{2})>")


class GraphTokenizer(tf.Module):
    """Text to token ids and back, as TensorFlow ops.

    To be made after the random seed is set: tensorflow-text's resource belongs to an eager
    kernel, and ``tf.random.set_seed`` drops all of those.
    """

    def __init__(self, model_proto: bytes) -> None:
        super().__init__(name="tokenizer")
        self._sentencepiece = tensorflow_text.SentencepieceTokenizer(model=model_proto, out_type=tf.int32)

    def vocabulary_size(self) -> int:
        return int(self._sentencepiece.vocab_size())

    def pieces(self, count: int) -> list[str]:
        """What the first ``count`` ids stand for: text, ``<0x0A>`` for a byte, ``</s>`` and the like."""
        ids = tf.range(min(count, self.vocabulary_size()))
        return [piece.decode(errors="replace") for piece in self._sentencepiece.id_to_string(ids).numpy()]

    def encode(self, texts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Texts as the model reads them: the end-of-document token, then the text's tokens.

        Args:
          texts: string ``(batch,)``, UTF-8.

        Returns:
          ids int32 ``(batch, width)`` filled up with PAD_ID, and lengths int32 ``(batch,)``.
        """
        ragged = self._sentencepiece.tokenize(texts)
        start = tf.fill([ragged.nrows(out_type=tf.int32), 1], END_ID)
        ragged = tf.concat([start, ragged], axis=1)
        return ragged.to_tensor(PAD_ID), tf.cast(ragged.row_lengths(), tf.int32)

    def decode(self, token_ids: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
        """The texts, string ``(batch,)``, of the first ``lengths`` ids of each row."""
        return self._sentencepiece.detokenize(tf.RaggedTensor.from_tensor(token_ids, lengths=lengths))

    def token_bytes(self) -> list[bytes]:
        """What each id stands for, as bytes of UTF-8; nothing for a special token. The bytes of a
        sequence, joined, are its text, where they are valid UTF-8."""
        pieces = self._sentencepiece.id_to_string(tf.range(self.vocabulary_size())).numpy()
        return [_piece_bytes(piece.decode(), index) for index, piece in enumerate(pieces)]


def _piece_bytes(piece: str, index: int) -> bytes:
    if index < NUM_SPECIAL_TOKENS:
        return b""
    if byte := _BYTE_PIECE.fullmatch(piece):
        return bytes([int(byte[1], 16)])
    return piece.encode()
