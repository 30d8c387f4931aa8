"""The tokenizer inside the graph: tensorflow-text's SentencePiece.

The same ``tokenizer.model`` that the packer reads with the sentencepiece package; a
test holds that both give the same ids.
"""

from __future__ import annotations

import tensorflow as tf
import tensorflow_text

from models.features import END_ID, PAD_ID


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
