"""What a model is asked in batches is what it says when asked alone, and in the slow way."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from components.task_evaluator.asking import Question, ask
from components.task_evaluator.language_model import LanguageModel
from models import causal_lm, export
from models.features import PAD_ID, UNK_ID

# Attention from the first token is a softmax over one number, rightly 1.
pytestmark = pytest.mark.filterwarnings("ignore:.*You are using a softmax over axis -1:UserWarning")

SHOT = "The quick brown fox jumps over the lazy dog. "
PROMPTS = [SHOT + "Pack my", SHOT + "Pack my box with five", SHOT, SHOT + "judge my vow"]
CONTINUATIONS = [(" box", " dozen jugs", "x"), (" dozen",), ("How vexingly", " quick"), (".",)]
ANSWER_CHARS = 12


def _take_all(text: str, ended: bool) -> str | None:
    return text if ended else None


@pytest.fixture(scope="module")
def model(exported) -> LanguageModel:
    return LanguageModel(exported.folder)


@pytest.fixture(scope="module")
def questions(model: LanguageModel) -> list[Question]:
    return [
        Question(prompt, tuple(model.encode_continuations(texts)), _take_all, ANSWER_CHARS)
        for prompt, texts in zip(model.encode(PROMPTS), CONTINUATIONS, strict=True)
    ]


@pytest.fixture(scope="module")
def replies(model: LanguageModel, questions: list[Question]) -> list:
    return ask(model, questions)


def _reference(exported, prompt: np.ndarray, continuation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One sequence at a time, without a cache, by the Keras model."""
    ids = np.concatenate([prompt, continuation])[np.newaxis]
    logits = (
        causal_lm.logits(exported.model, tf.constant(ids[:, :-1], tf.int32))[0].numpy().astype(np.float64)
    )
    logits[:, [PAD_ID, UNK_ID]] = -np.inf
    logits = logits[len(prompt) - 1 :]
    log_probabilities = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    places = np.arange(len(continuation))
    return log_probabilities[places, continuation], logits.argmax(axis=1) == continuation


def test_log_probabilities_are_those_of_the_uncached_model(exported, questions, replies):
    for question, reply in zip(questions, replies, strict=True):
        assert len(reply.weighed) == len(question.continuations)
        for continuation, weighed in zip(question.continuations, reply.weighed, strict=True):
            expected, likeliest = _reference(exported, question.prompt_ids, continuation)
            np.testing.assert_allclose(weighed.log_probabilities, expected, atol=2e-3)
            assert weighed.is_likeliest.tolist() == likeliest.tolist()


def test_answers_are_what_the_generate_signature_says(model, replies):
    inputs = export.default_inputs(PROMPTS, max_new_tokens=20, temperature=0.0)
    texts = model._loaded.signatures["generate"](
        **{name: tf.constant(value) for name, value in inputs.items()}
    )["text"]
    for reply, text in zip(replies, texts.numpy(), strict=True):
        assert text.decode().startswith(reply.answer)
        assert len(reply.answer) == ANSWER_CHARS or reply.is_complete


def test_each_alone_answers_as_in_company(model, questions, replies):
    for question, together in zip(questions, replies, strict=True):
        [alone] = ask(model, [question])
        assert alone.answer == together.answer
        for one, other in zip(alone.weighed, together.weighed, strict=True):
            np.testing.assert_allclose(one.log_probabilities, other.log_probabilities, atol=1e-4)


def test_small_batches_change_nothing(model, questions, replies, monkeypatch):
    monkeypatch.setattr("components.task_evaluator.language_model._MAX_ROWS", 2)
    heard = []
    few = ask(model, questions, heard.append)
    assert heard == [2, 4]
    assert [reply.answer for reply in few] == [reply.answer for reply in replies]


def test_what_the_uncached_model_would_choose_is_the_likeliest_token_by_token(exported, model):
    [prompt] = model.encode([PROMPTS[0]])
    ids = prompt
    for _ in range(6):
        logits = causal_lm.logits(exported.model, tf.constant(ids[np.newaxis], tf.int32))[0, -1].numpy()
        logits[[PAD_ID, UNK_ID]] = -np.inf
        ids = np.append(ids, np.int32(logits.argmax()))
    chosen = ids[len(prompt) :]
    changed = np.where(np.arange(6) == 3, 5, chosen).astype(np.int32)
    [reply] = ask(model, [Question(prompt, (chosen, changed))])
    assert reply.weighed[0].is_likeliest.all()
    assert reply.weighed[1].is_likeliest[:4].tolist() == [True, True, True, False]


def test_a_prompt_that_fills_the_context_still_gets_an_answer(model):
    prompt = np.resize(model.encode([SHOT])[0], model.context_length)
    [reply] = ask(model, [Question(prompt, (np.array([5], np.int32),), _take_all, 100)])
    assert len(reply.weighed[0].log_probabilities) == 1
    assert not reply.is_complete


def test_no_questions_no_replies(model):
    assert ask(model, []) == []
