from __future__ import annotations

import numpy as np
import pytest

from components.config import TokenizerConfig
from components.tokenizer_trainer import training
from components.tokenizer_trainer.alphabets import alphabet
from models.features import NUM_SPECIAL_TOKENS
from models.tokenizing.sentence_pieces import SentencePieceModel

BYTES = TokenizerConfig(algorithm="bytes")
CHARACTERS = TokenizerConfig(algorithm="characters", character_coverage=1.0)


def test_the_example() -> None:
    assert alphabet(["abba", "cab"], CHARACTERS) == "abc"
    assert alphabet(["abba", "cab"], CHARACTERS.model_copy(update={"vocabulary_size": 259 + 2})) == "ab"
    text = "ab" * 20 + "c"
    assert alphabet([text], CHARACTERS.model_copy(update={"character_coverage": 0.95})) == "ab"
    assert alphabet([text], CHARACTERS.model_copy(update={"character_coverage": 0.98})) == "abc"


def test_every_character_of_the_text_is_one_token_and_others_are_their_bytes() -> None:
    model = SentencePieceModel(training.train(["12 + 34 = 46\n", "\t\0\r\ue000 é漢"], CHARACTERS))

    for character in "12 +=\n\t\0\r\ue000é漢":
        assert len(model.encode(character)) == 1, character
    assert model.byte_lengths[model.encode("€")].tolist() == [1, 1, 1]
    assert model.vocabulary_size == 256 + NUM_SPECIAL_TOKENS + len(set("12 + 34 = 46\n\t\r\ue000é漢"))


def test_a_space_that_is_no_space_is_not_taken_for_one() -> None:
    model = SentencePieceModel(training.train(["\u2581a"], CHARACTERS))

    assert model.decode(model.encode("\u2581 a")) == "\u2581 a"
    assert len(model.encode("\u2581")) == 3


def test_bytes_are_their_values_after_the_special_tokens() -> None:
    model = SentencePieceModel(training.train([], BYTES))
    text = "to été\0漢\n"

    assert model.vocabulary_size == BYTES.max_pieces == 259
    expected = np.frombuffer(text.encode(), np.uint8).astype(int) + NUM_SPECIAL_TOKENS
    assert model.encode(text).tolist() == expected.tolist()


@pytest.mark.parametrize("algorithm", ["bpe", "unigram", "characters", "bytes"])
def test_a_vocabulary_without_room_for_the_bytes_is_refused_in_one_line(algorithm: str) -> None:
    with pytest.raises(
        ValueError, match="vocabulary_size = 258: at least 259, for the 256 bytes and 3 special"
    ):
        TokenizerConfig.model_validate({"algorithm": algorithm, "vocabulary_size": 258})


def test_settings_survive_the_way_to_the_stage() -> None:
    assert TokenizerConfig.model_validate_json(BYTES.model_dump_json()) == BYTES
