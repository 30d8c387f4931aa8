"""What TensorBoard shows of a training run, by tag."""

from __future__ import annotations

import tensorflow as tf

from models.measures import LossSums


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
        self.scalars(
            step,
            {
                f"{group}/loss": sums.loss,
                f"{group}/perplexity": sums.perplexity,
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
