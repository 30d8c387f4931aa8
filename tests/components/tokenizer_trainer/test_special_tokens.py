from __future__ import annotations

import functools

import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from components.config import TokenizerConfig
from components.errors import VocabularyError
from components.tokenizer_trainer import training
from models.features import END_ID, PAD_ID, START_ID
from models.tokenizer import GraphTokenizer
from models.tokenizing.sentence_pieces import SentencePieceModel
from serving.engine.text import TextStream

ALGORITHMS = pytest.mark.parametrize("algorithm", ["bpe", "unigram", "characters", "bytes"])
SPECIAL = ("<|user|>", "<|user|>\n", "cat", "at t", "=", r"\E.*", "é")
TEXTS = st.lists(
    st.one_of(
        st.sampled_from(
            [*SPECIAL, "<s>", "</s>", "<pad>", "<0x41>", "<|us", "er|>", "c", "\0", "\ufeff", "\u2581"]
        ),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=3),
    )
).map("".join)
CORPUS = [
    "The quick brown fox jumps over the lazy dog. Pack my box with five dozen liquor jugs!\n" * 3,
    "<|user|>\nThe cat sat = at the user.<|user|> |>a<| user|> a<| user|>\n" * 9,
    r"a\E.*b café <|us er|> ca t",
]


@functools.cache
def content_of(algorithm: str) -> bytes:
    config = {"algorithm": algorithm, "vocabulary_size": 310, "special_tokens": SPECIAL, "start_token": "<s>"}
    return training.train(CORPUS, TokenizerConfig.model_validate(config))


@functools.cache
def model_of(algorithm: str) -> SentencePieceModel:
    return SentencePieceModel(content_of(algorithm))


@functools.cache
def graph_of(algorithm: str) -> tuple[GraphTokenizer, tf.types.experimental.GenericFunction]:
    tokenizer = GraphTokenizer(content_of(algorithm))
    texts = tf.TensorSpec([None], tf.string)
    return tokenizer, tf.function(tokenizer.encode, input_signature=[texts], autograph=False)


def occurrences(text: str) -> list[str]:
    """The special tokens of a text, found the slow way."""
    found, place = [], 0
    while place < len(text):
        here = [token for token in SPECIAL if text.startswith(token, place)]
        found += [max(here, key=len)] if here else []
        place += len(found[-1]) if here else 1
    return found


@ALGORITHMS
@settings(max_examples=100)
@given(text=TEXTS)
def test_each_special_token_of_a_text_is_one_id_and_decoding_gives_the_text_back(
    algorithm: str, text: str
) -> None:
    model = model_of(algorithm)
    ids = model.encode(text)

    names = {token_id: token for token, token_id in model.special_tokens.items()}
    assert [names[token_id] for token_id in ids.tolist() if token_id in names] == occurrences(text)
    assert model.decode(ids) == text
    assert model.byte_lengths[ids].sum() == len(text.encode())


@ALGORITHMS
@settings(max_examples=50)
@given(text=TEXTS)
def test_streamed_token_by_token_it_is_the_same_text(algorithm: str, text: str) -> None:
    model, stream = model_of(algorithm), TextStream()

    parts = [stream.add(model.vocabulary.token_bytes[token_id]) for token_id in model.encode(text)]

    assert "".join([*parts, stream.finish()]) == text
    assert not any("\ufffd" in part for part in parts) or "\ufffd" in text


@ALGORITHMS
@settings(max_examples=50)
@given(texts=st.lists(TEXTS, min_size=1, max_size=4))
def test_the_graph_gives_the_same_ids_and_the_texts_back(algorithm: str, texts: list[str]) -> None:
    tokenizer, encode = graph_of(algorithm)

    ids, lengths = encode(tf.constant([text.encode() for text in texts]))

    model = model_of(algorithm)
    for row, length, text in zip(ids.numpy().tolist(), lengths.numpy(), texts, strict=True):
        assert row[:length] == [model.vocabulary.start_id, *model.encode(text)]
    decoded = tokenizer.decode(ids, lengths).numpy().tolist()
    assert [text.decode() for text in decoded] == texts


@ALGORITHMS
def test_special_tokens_are_the_first_ids_after_those_that_no_text_spells(algorithm: str) -> None:
    vocabulary = model_of(algorithm).vocabulary

    assert (vocabulary.pad_id, vocabulary.end_id, vocabulary.start_id) == (PAD_ID, END_ID, START_ID)
    first = START_ID + 1
    assert vocabulary.token_bytes[first : first + len(SPECIAL)] == tuple(token.encode() for token in SPECIAL)
    assert vocabulary.token_bytes[first + len(SPECIAL)] == b"\0"
    assert not set(vocabulary.never_generated) & set(range(first, vocabulary.size))


@pytest.mark.parametrize("algorithm", ["bpe", "unigram"])
def test_the_vocabulary_has_the_size_asked_for(algorithm: str) -> None:
    assert model_of(algorithm).vocabulary_size == 310


def test_no_learnt_piece_has_a_special_token_in_it() -> None:
    pieces = [piece.decode(errors="replace") for piece in model_of("bpe").vocabulary.token_bytes]

    assert [piece for piece in pieces if "cat" in piece or "<|user|>" in piece] == [
        "<|user|>",
        "<|user|>\n",
        "cat",
    ]


def test_a_token_that_no_text_spells_has_the_name_asked_for() -> None:
    named = TokenizerConfig(
        algorithm="bytes", start_token="<begin>", end_token="<|endoftext|>", pad_token="<fill>"
    )
    tokenizer = GraphTokenizer(training.train([], named))

    assert tokenizer.pieces(5) == ["<fill>", "<unk>", "<|endoftext|>", "<begin>", "<0x00>"]
    ids, lengths = tokenizer.encode(tf.constant(["<|endoftext|>"]))
    assert ids.numpy()[0, 0] == START_ID
    assert lengths.numpy().tolist() == [1 + len("<|endoftext|>")]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"special_tokens": ["<a>", "<a>"]}, "'<a>' names two special tokens"),
        ({"special_tokens": ["</s>"]}, "'</s>' names two special tokens"),
        ({"end_token": "<unk>"}, "'<unk>' names two special tokens"),
        ({"special_tokens": [""]}, "'' cannot be a special token: expected 1 to 100 characters"),
        ({"special_tokens": ["a\u2581"]}, "cannot be a special token"),
        ({"start_token": "\0"}, "cannot be a special token"),
        ({"special_tokens": ["<0x41>"]}, "'<0x41>' cannot be a special token: .* not the name of a byte"),
        (
            {"special_tokens": ["<a>"], "vocabulary_size": 259},
            "at least 260, for the 256 bytes and 4 special tokens",
        ),
    ],
)
def test_what_cannot_be_a_special_token_is_refused_in_one_line(
    fields: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        TokenizerConfig.model_validate({"algorithm": "bytes", **fields})


def test_errors_count_the_special_tokens_in() -> None:
    config = TokenizerConfig(vocabulary_size=5000, special_tokens=SPECIAL)

    with pytest.raises(VocabularyError, match=r"set at most \d+") as caught:
        training.train(CORPUS, config)

    largest = int(str(caught.value).split("at most ")[1].split(",")[0])
    model = SentencePieceModel(training.train(CORPUS, config.model_copy(update={"vocabulary_size": largest})))
    assert model.vocabulary_size == largest


def test_text_that_is_not_utf8_keeps_its_special_tokens() -> None:
    tokenizer = GraphTokenizer(content_of("bytes"))

    ids, lengths = tokenizer.encode(tf.constant([b"a\xffcat\xff\xffb"]))

    assert tokenizer.decode(ids, lengths).numpy()[0].decode() == "a\ufffdcat\ufffd\ufffdb"
    assert tokenizer.vocabulary.token_bytes.index(b"cat") in ids.numpy()[0]
