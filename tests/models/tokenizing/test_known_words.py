from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.config import TokenizerConfig
from components.tokenizer_trainer import training
from models.tokenizing import known_words
from models.tokenizing.known_words import KnownWords
from models.tokenizing.model_proto import BYTE, NORMAL, ModelProto
from models.tokenizing.sentence_pieces import SentencePieceModel

WORDS = [
    "the",
    " sea",
    ", ",
    "and",
    "THE",
    "\n\n",
    "  ",
    "\t",
    "ß",
    "é",
    "海",
    "海の",
    "😀",
    "12",
    "<s>",
    "\0",
    "</s>",
]
TEXTS = st.lists(
    st.lists(st.sampled_from([*WORDS, "<|user|>", "<|", "|>", "a" * 700]), max_size=12).map("".join)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    max_size=6,
)
SPECIAL = ("<|user|>", "<|user|><s>")


@pytest.fixture(scope="module")
def model(tokenizer_proto: bytes) -> SentencePieceModel:
    return SentencePieceModel(tokenizer_proto)


@pytest.fixture(scope="module")
def with_special_tokens() -> SentencePieceModel:
    settings = TokenizerConfig(vocabulary_size=330, special_tokens=SPECIAL)
    texts = [f"The sea, the {word} and the land.\n\n海の user" for word in ("ship", "sun", "owl", "ßé")]
    return SentencePieceModel(training.train(texts * 3, settings))


@pytest.fixture(autouse=True, scope="module")
def few_characters_by_words() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(known_words, "MIN_CHARACTERS", 0)
        yield


def one_by_one(model: SentencePieceModel, texts: list[str]) -> list[list[int]]:
    """By SentencePiece alone, each text as a whole."""
    if not model.special_tokens:
        return [model._processor.encode(text) for text in texts]
    return [model.encode(text).tolist() for text in texts]


def together(model: SentencePieceModel, texts: list[str]) -> list[list[int]]:
    assert model._known_words is not None
    return [ids.tolist() for ids in model.encode_many(texts)]


@given(TEXTS)
def test_the_ids_by_words_are_those_of_each_text_as_a_whole(
    model: SentencePieceModel, texts: list[str]
) -> None:
    assert together(model, texts) == one_by_one(model, texts)


@given(TEXTS)
def test_a_special_token_is_one_token_among_words(
    with_special_tokens: SentencePieceModel, texts: list[str]
) -> None:
    assert together(with_special_tokens, texts) == one_by_one(with_special_tokens, texts)


@given(st.lists(TEXTS, max_size=5))
def test_what_was_forgotten_is_encoded_again(model: SentencePieceModel, batches: list[list[str]]) -> None:
    assert model._known_words is not None
    with pytest.MonkeyPatch.context() as few:
        few.setattr(known_words, "_KEPT_BYTES", 60)
        few.setattr(known_words, "_ENCODED_TOGETHER", 3)
        for texts in batches:
            known = model._known_words._words.nbytes

            assert together(model, texts) == one_by_one(model, texts)

            new = model._known_words._words.nbytes
            assert new <= max(known, 60) + sum(8 + 5 * len(text.encode()) for text in texts)


def test_a_known_word_is_not_encoded_again() -> None:
    asked: list[str] = []

    def encode(text: str) -> np.ndarray:
        asked.append(text)
        return np.frombuffer(text.encode(), np.uint8).astype(np.int32)

    words = KnownWords(["the", " the"], encode)

    assert [ids.tolist() for ids in words.ids([b"the.the", b"", b" the"])] == [
        list(b"the.the"),
        [],
        list(b" the"),
    ]
    assert words.ids([b"the the,"])[0].tolist() == list(b"the the,")
    assert asked == ["\0", "the\0.\0 the\0", ",\0"]


@pytest.mark.parametrize(
    ("pieces", "words"),
    [
        ([" the", ".", ".\n"], ["\n", " the", " ", "c", "a", "t", ".\n"]),
        (["\n the cat.\n"], ["\n the cat.\n"]),
        ([], ["\n", " ", "t", "h", "e", " ", "c", "a", "t", ".", "\n"]),
    ],
)
def test_a_text_is_cut_where_no_piece_has_both_neighbours(pieces: list[str], words: list[str]) -> None:
    text = b"\n the cat.\n"
    known = KnownWords(pieces, lambda text: np.frombuffer(text.encode(), np.uint8).astype(np.int32))

    starts = known._word_starts(text, np.array([len(text)])).tolist()

    cut = [text[start:end].decode() for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]
    assert cut == words


def test_a_character_is_never_cut() -> None:
    assert known_words.neighbours([])[0xE6, 0xB5]
    assert not known_words.neighbours([])[0xB5, 0xE6]


def test_texts_are_encoded_as_a_whole_where_words_change_tokens(tokenizer_proto: bytes) -> None:
    """By a unigram model, whose scores are summed, and without byte fallback, as unknown neighbours are one
    token then."""
    unigram = TokenizerConfig(algorithm="unigram", vocabulary_size=274, character_coverage=1.0)
    without_bytes = ModelProto.FromString(tokenizer_proto)
    without_bytes.trainer_spec.byte_fallback = False
    for piece in without_bytes.pieces:
        piece.type = NORMAL if piece.type == BYTE else piece.type
    protos = [
        training.train([f"the sea and the {word} land" for word in "abcdefgh"], unigram),
        without_bytes.SerializeToString(),
    ]
    for proto in protos:
        model = SentencePieceModel(proto)
        assert model._known_words is None
        [ids] = model.encode_many(["the sea"])
        assert ids.tolist() == model._processor.encode("the sea")
