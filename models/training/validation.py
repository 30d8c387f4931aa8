"""What is measured between the steps of training: the loss on held-out rows, and what the model writes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import tensorflow as tf

from models import rows, scoring
from models.causal_lm import CausalLM
from models.config import TrainingConfig
from models.export import ServedLanguageModel, default_inputs
from models.measures import LossSums
from models.tokenizer import GraphTokenizer
from models.training import cores


def loss_function(model: CausalLM, jit_compile: bool) -> Any:
    """From a batch's tokens and mask to the sum of the nll over the targets that count, and their number."""

    @tf.function(jit_compile=jit_compile, reduce_retracing=True)
    def losses(token_ids: tf.Tensor, loss_mask: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.reduce_sum(scoring.token_nll(model, token_ids, loss_mask)), tf.reduce_sum(loss_mask)

    return losses


def loss_sums(loss_function: Any, held_out: Sequence[rows.Batch]) -> LossSums:
    """Over all the batches, as many of them at once as there are cores."""
    with ThreadPoolExecutor(cores.side_by_side()) as pool:
        outcomes = list(pool.map(lambda batch: loss_function(batch.token_ids, batch.loss_mask), held_out))
    return LossSums(
        sum(float(nll) for nll, _ in outcomes),
        sum(float(weight) for _, weight in outcomes),
        sum(float(tf.reduce_sum(batch.num_bytes)) for batch in held_out),
    )


def sampler(
    model: CausalLM, tokenizer: GraphTokenizer, config: TrainingConfig
) -> Callable[[], dict[str, str]]:
    """Continues the configured prompts greedily: the text that the exported model will give."""

    @tf.function(autograph=False)
    def generate(**inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        # Made while tracing, so that its weights are the model's at each call.
        return ServedLanguageModel(model.decoder(), tokenizer).generate(**inputs)

    inputs = default_inputs(list(config.sample_prompts), max_new_tokens=config.sample_tokens, temperature=0.0)
    tensors = {name: tf.constant(value) for name, value in inputs.items()}

    def sample() -> dict[str, str]:
        texts = generate(**tensors)["text"].numpy()
        return {
            prompt: text.decode(errors="replace")
            for prompt, text in zip(config.sample_prompts, texts, strict=True)
        }

    return sample
