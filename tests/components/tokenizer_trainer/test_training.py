from __future__ import annotations

import functools
import random
import re

import pytest
import tensorflow as tf
import tensorflow_text
from hypothesis import given, settings
from hypothesis import strategies as st

from components.config import TokenizerConfig
from components.errors import CorpusError, VocabularyError
from components.tokenizer_trainer import training
from models.features import END_ID, NUM_SPECIAL_TOKENS, PAD_ID, UNK_ID
from models.tokenizing.sentence_pieces import SentencePieceModel

TRAINED = pytest.mark.parametrize("algorithm", ["bpe", "unigram"])
ALGORITHMS = pytest.mark.parametrize("algorithm", ["bpe", "unigram", "characters", "bytes"])
HOSTILE = [
    "\u2581",
    "\u2585",
    "\ue000",
    "\ufffe",
    "\ufeff",
    "\ufffd",
    "\0",
    "\r\n",
    "\t",
    "    ",
    "\n\n\n",
    "<0x41>",
    "<0x0A>",
    "</s>",
    "<s>",
    "<pad>",
    "<unk>",
    " ⁇ ",
    "👩‍👩‍👧",
    "e\u0301",
    "ﬁ",
    "ﷺ",
    "the",
    " the cat",
    ".\n",
]
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.lists(st.one_of(st.sampled_from(HOSTILE), st.text(max_size=3))).map("".join),
).filter(lambda text: not any("\ud800" <= char <= "\udfff" for char in text))
CORPUS = [
    "The cat sat.\nThe  dog\tsat.\n\nThe\tend.\r\n\r\n",
    "  the cat\r\n    the dog\n" * 3,
    "\u2581 </s> <0x41> <unk> \0 \u2585 \ue000 the cat the cat the cat\n",
]


@functools.cache
def model_of(algorithm: str) -> SentencePieceModel:
    config = TokenizerConfig.model_validate({"algorithm": algorithm, "vocabulary_size": 280})
    return SentencePieceModel(training.train(CORPUS, config))


@functools.cache
def graph_of(algorithm: str) -> tuple[tf.types.experimental.GenericFunction, ...]:
    tokenizer = tensorflow_text.SentencepieceTokenizer(model=model_of(algorithm).proto, out_type=tf.int32)
    text, ids = tf.TensorSpec([], tf.string), tf.TensorSpec([None], tf.int32)
    return (
        tf.function(tokenizer.tokenize, input_signature=[text]),
        tf.function(lambda ids: tokenizer.detokenize(ids[tf.newaxis])[0], input_signature=[ids]),
    )


@ALGORITHMS
@settings(max_examples=300, deadline=None)
@given(text=TEXTS)
def test_decoding_gives_the_text_back(algorithm: str, text: str) -> None:
    model = model_of(algorithm)

    assert model.decode(model.encode(text)) == text


@ALGORITHMS
@settings(max_examples=300, deadline=None)
@given(text=TEXTS)
def test_the_graph_gives_the_same_ids_and_the_text_back(algorithm: str, text: str) -> None:
    tokenize, detokenize = graph_of(algorithm)

    ids = tokenize(tf.constant(text.encode()))

    assert ids.numpy().tolist() == model_of(algorithm).encode(text).tolist()
    assert detokenize(ids).numpy() == text.encode()


@ALGORITHMS
@settings(max_examples=300, deadline=None)
@given(text=TEXTS)
def test_the_byte_lengths_of_a_text_sum_to_its_bytes(algorithm: str, text: str) -> None:
    model = model_of(algorithm)

    assert model.byte_lengths[model.encode(text)].sum() == len(text.encode())


@ALGORITHMS
@given(text=TEXTS)
@settings(deadline=None)
def test_no_text_spells_a_special_token(algorithm: str, text: str) -> None:
    assert not set(model_of(algorithm).encode(text).tolist()) & {PAD_ID, UNK_ID, END_ID}


@ALGORITHMS
def test_the_same_ids_within_a_dataset(algorithm: str) -> None:
    tokenizer = tensorflow_text.SentencepieceTokenizer(model=model_of(algorithm).proto, out_type=tf.int32)

    dataset = tf.data.Dataset.from_tensor_slices(HOSTILE).map(tokenizer.tokenize)

    assert [ids.tolist() for ids in dataset.as_numpy_iterator()] == [
        model_of(algorithm).encode(text).tolist() for text in HOSTILE
    ]


def test_the_special_tokens_have_the_contract_ids_and_no_bytes() -> None:
    assert model_of("bpe").byte_lengths[:NUM_SPECIAL_TOKENS].tolist() == [0, 0, 0]
    assert model_of("bpe").decode([PAD_ID, END_ID]) == ""


def test_byte_lengths_count_bytes_not_characters() -> None:
    config = TokenizerConfig(vocabulary_size=265, character_coverage=1.0)
    model = SentencePieceModel(training.train(["été €"], config))

    lengths = dict(zip(model.encode("é€").tolist(), model.byte_lengths[model.encode("é€")], strict=True))

    assert list(lengths.values()) == [2, 3]


@pytest.mark.parametrize("text", [".\n", "\r\n", "\t", "    "])
def test_line_ends_tabs_and_indents_are_learnt(text: str) -> None:
    config = TokenizerConfig(vocabulary_size=280)
    words = random.Random(0).choices(["cat", "dog", "bird", "sat", "mat"], k=200)
    model = SentencePieceModel(training.train([text.join(words)], config))

    assert len(model.encode(text)) == 1


@given(TEXTS)
def test_cutting_drops_only_what_the_trainer_cannot_take(text: str) -> None:
    untrainable = "\0\u2581\u2585\ue000\ue001\ue002"
    kept = "".join(training.cut(text)).translate({0xE000: "\n", 0xE001: "\r", 0xE002: "\t"})

    assert kept == "".join(char for char in text if char not in untrainable)


def test_a_long_line_is_not_dropped() -> None:
    config = TokenizerConfig(vocabulary_size=264, character_coverage=1.0)

    model = SentencePieceModel(training.train(["ab " * 100_000 + "ж"], config))

    assert len(model.encode("ж")) == 1


@settings(max_examples=25, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=5))
def test_any_text_can_be_trained_on(texts: list[str]) -> None:
    config = TokenizerConfig(vocabulary_size=300)
    try:
        model = SentencePieceModel(training.train([*CORPUS, *texts], config))
    except VocabularyError as error:
        nearest = int(re.findall(r"at (?:most|least) (\d+)", str(error))[0])
        config = config.model_copy(update={"vocabulary_size": nearest})
        model = SentencePieceModel(training.train([*CORPUS, *texts], config))

    assert all(model.decode(model.encode(text)) == text for text in texts)


@ALGORITHMS
def test_training_twice_gives_the_same_bytes(algorithm: str) -> None:
    words = random.Random(0).choices(["cat", "dog", " the", " a", ".\n", "sat"], k=2000)
    config = TokenizerConfig.model_validate({"algorithm": algorithm, "vocabulary_size": 290})

    assert training.train(["".join(words)], config) == training.train(["".join(words)], config)


@TRAINED
def test_too_large_a_vocabulary_names_the_largest_that_works(algorithm: str) -> None:
    config = TokenizerConfig.model_validate({"algorithm": algorithm, "vocabulary_size": 5000})

    with pytest.raises(VocabularyError, match=r"5000 is more .*; set at most \d+, or add text") as caught:
        training.train(CORPUS, config)

    largest = int(str(caught.value).split("at most ")[1].split(",")[0])
    model = SentencePieceModel(training.train(CORPUS, config.model_copy(update={"vocabulary_size": largest})))
    assert model.vocabulary_size == largest


@TRAINED
def test_too_small_a_vocabulary_names_the_smallest_that_works(algorithm: str) -> None:
    config = TokenizerConfig.model_validate({"algorithm": algorithm, "vocabulary_size": 260})

    with pytest.raises(VocabularyError, match=r"260 has no room .*; set at least \d+") as caught:
        training.train(CORPUS, config)

    smallest = int(str(caught.value).split("at least ")[1].split(",")[0])
    model = SentencePieceModel(
        training.train(CORPUS, config.model_copy(update={"vocabulary_size": smallest}))
    )
    assert model.vocabulary_size == smallest


@pytest.mark.parametrize(("algorithm", "texts"), [("bpe", ["\0", ""]), ("characters", [""])])
def test_a_corpus_without_trainable_text_is_an_error(algorithm: str, texts: list[str]) -> None:
    with pytest.raises(CorpusError, match="no text to train a tokenizer on"):
        training.train(texts, TokenizerConfig.model_validate({"algorithm": algorithm}))
