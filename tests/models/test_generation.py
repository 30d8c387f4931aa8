import numpy as np
import pytest
import tensorflow as tf

from models import causal_lm, generation, sampling
from models.features import END_ID, PAD_ID, UNK_ID
from models.tokenizing.vocabulary import Vocabulary

# Attention from the first token is a softmax over one number, rightly 1.
pytestmark = pytest.mark.filterwarnings("ignore:.*You are using a softmax over axis -1:UserWarning")

TOKENS = [b""] * 3 + [bytes([97 + index % 26]) for index in range(317)]
VOCABULARY = Vocabulary(tuple(TOKENS), start_id=END_ID, end_id=END_ID, pad_id=PAD_ID)
PROMPTS = [[END_ID, 17, 40, 99], [END_ID], [END_ID, 7, 250, 33, 12, 81, 5]]


def _generate(model, prompts, max_new_tokens=8, temperature=0.0, seeds=None):
    lengths = [len(prompt) for prompt in prompts]
    padded = np.array([prompt + [PAD_ID] * (max(lengths) - len(prompt)) for prompt in prompts], np.int32)
    batch = len(prompts)
    options = sampling.SamplingOptions(
        tf.fill([batch], float(temperature)),
        tf.fill([batch], 0),
        tf.fill([batch], 1.0),
        tf.constant(seeds or [0] * batch, tf.int32),
    )
    result = generation.generate(
        model.decoder(),
        VOCABULARY,
        tf.constant(padded),
        tf.constant(lengths),
        tf.fill([batch], max_new_tokens),
        options,
    )
    return [
        ids[:count].tolist()
        for ids, count in zip(result.token_ids.numpy(), result.num_tokens.numpy(), strict=True)
    ], result


def _uncached_greedy(model, prompt, max_new_tokens):
    """The slow reference: the whole sequence is read again for each token."""
    ids = list(prompt)
    while len(ids) - len(prompt) < max_new_tokens and len(ids) <= model.context_length:
        logits = causal_lm.logits(model, tf.constant([ids], tf.int32))[0, -1].numpy()
        logits[[PAD_ID, UNK_ID]] = -np.inf
        token = int(logits.argmax())
        if token == END_ID:
            break
        ids.append(token)
    return ids[len(prompt) :]


def test_cached_greedy_generation_is_the_uncached_one_token_for_token(model):
    generated, _ = _generate(model, PROMPTS)
    assert generated == [_uncached_greedy(model, prompt, 8) for prompt in PROMPTS]
    assert any(len(tokens) == 8 for tokens in generated)


def test_a_batch_gives_what_each_prompt_gives_alone(model):
    seeds = [3, 4, 5]
    together, _ = _generate(model, PROMPTS, temperature=1.0, seeds=seeds)
    alone = [
        _generate(model, [prompt], temperature=1.0, seeds=[seed])[0][0]
        for prompt, seed in zip(PROMPTS, seeds, strict=True)
    ]
    assert together == alone


def test_generation_ends_when_the_context_is_full(model):
    [tokens], result = _generate(model, [[END_ID, 9]], max_new_tokens=100, temperature=1.5, seeds=[1])
    assert len(tokens) == model.context_length + 1 - 2 or bool(result.stopped[0])


def test_a_prompt_as_long_as_the_context_gives_one_token(model):
    prompt = [END_ID, *range(10, 9 + model.context_length)]
    [tokens], result = _generate(model, [prompt], max_new_tokens=5)
    assert tokens == _uncached_greedy(model, prompt, 5)
    assert len(tokens) + int(result.stopped[0]) == 1


def test_the_end_token_stops_a_row_and_is_not_counted(model):
    ending = model.decoder()
    bias = np.zeros(320, np.float32)
    bias[END_ID] = 1e6
    logits = ending.logits
    ending.logits = lambda hidden: logits(hidden) + bias

    class Ending:
        decoder = staticmethod(lambda: ending)

    [tokens], result = _generate(Ending, [[END_ID, 20]])
    assert tokens == []
    assert result.stopped.numpy().tolist() == [True]


def test_padding_and_unknown_are_never_generated(model):
    generated, _ = _generate(model, [[END_ID]] * 8, max_new_tokens=20, temperature=5.0, seeds=list(range(8)))
    tokens = {token for row in generated for token in row}
    assert not tokens & {PAD_ID, UNK_ID, END_ID}
    assert len(tokens) > 20
