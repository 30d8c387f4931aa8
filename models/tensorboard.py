"""What TensorBoard shows of a training run, by tag."""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from models import scoring


@dataclasses.dataclass(frozen=True)
class LossSums:
    """Sums over some tokens, from which loss, perplexity and bits per byte follow."""

    nll: float
    num_tokens: float
    num_bytes: float

    @property
    def loss(self) -> float:
        """Nats per token."""
        return self.nll / self.num_tokens

    @property
    def bits_per_byte(self) -> float:
        return scoring.bits_per_byte(self.nll, self.num_bytes)


class RunLog:
    """Writes event files below one directory; a context manager."""

    def __init__(self, directory: str) -> None:
        self._writer = tf.summary.create_file_writer(directory)

    def __enter__(self) -> RunLog:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    def losses(self, group: str, sums: LossSums, step: int) -> None:
        """``<group>/loss`` (nats per token), ``<group>/perplexity``, ``<group>/bits_per_byte``."""
        perplexity = scoring.perplexity(sums.nll, sums.num_tokens)
        self.scalars(
            step,
            {
                f"{group}/loss": sums.loss,
                f"{group}/perplexity": perplexity,
                f"{group}/bits_per_byte": sums.bits_per_byte,
            },
        )

    def scalars(self, step: int, values: dict[str, float]) -> None:
        with self._writer.as_default(step=step):
            for tag, value in values.items():
                tf.summary.scalar(tag, value)
        self._writer.flush()

    def samples(self, step: int, prompt_to_text: dict[str, str]) -> None:
        """The ``samples`` text panel: prompt and continuation, as preformatted text."""
        with self._writer.as_default(step=step):
            for index, (prompt, text) in enumerate(prompt_to_text.items()):
                quoted = "\n".join("    " + line for line in (prompt + "⟶" + text).split("\n"))
                tf.summary.text(f"samples/{index}", quoted)
        self._writer.flush()

    def text(self, tag: str, markdown: str) -> None:
        with self._writer.as_default(step=0):
            tf.summary.text(tag, markdown)
        self._writer.flush()
