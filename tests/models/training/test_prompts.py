"""Training on prompts and completions teaches the completions alone."""

import math

import numpy as np
import pytest
import tensorflow as tf

from components.sequence_packer import row_codec
from models import causal_lm
from models.config import ModelConfig, TrainingConfig
from models.scoring import token_nll
from models.tokenizer import GraphTokenizer
from models.training import devices, loop

LENGTH = 8
ROW = np.array([[2, 11, 12, 13, 14, 31, 32, 33, 34]], np.int32)
"""A prompt of four tokens and a completion of four, both as learnable as can be."""
IN_PROMPT = np.array([[1, 1, 1, 1, 0, 0, 0, 0]], np.float32)


@pytest.mark.parametrize("family", ["transformer", "lstm"])
@pytest.mark.parametrize("masked", [True, False])
def test_only_what_counts_is_learnt(family, masked, tokenizer_proto, tmp_path):
    mask = np.concatenate([[0], 1 - IN_PROMPT[0] if masked else np.ones(LENGTH)]).astype(np.int64)[np.newaxis]
    [record] = row_codec.encode_rows(ROW, np.ones_like(ROW), mask, mask.sum(axis=1), "pairs")
    files = [str(tmp_path / "rows.gz")]
    with tf.io.TFRecordWriter(files[0], "GZIP") as writer:
        for _ in range(16):
            writer.write(record)
    config = TrainingConfig(
        num_steps=60, batch_size=4, learning_rate=3e-2, eval_every=60, log_every=30, sample_tokens=2
    )
    devices.prepare(config)
    model = causal_lm.build(ModelConfig(family=family, num_layers=1, hidden_dim=16, num_heads=2), 320, LENGTH)

    result = loop.train(
        model,
        GraphTokenizer(tokenizer_proto),
        config,
        files,
        files,
        str(tmp_path / "log"),
        str(tmp_path),
        lambda *_: None,
    )

    nll = token_nll(model, tf.constant(ROW), tf.ones([1, LENGTH])).numpy()
    prompt, completion = (float((nll * part).sum() / part.sum()) for part in (IN_PROMPT, 1 - IN_PROMPT))
    assert result.num_tokens == 60 * 4 * mask.sum()
    assert completion < 0.3 * math.log(320)
    assert result.validation.loss == pytest.approx(completion if masked else float(nll.mean()), rel=1e-4)
    if masked:
        assert prompt > 0.9 * math.log(320)
    else:
        assert prompt < 0.3 * math.log(320)
