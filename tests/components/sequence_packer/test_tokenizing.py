from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.documents import Document
from components.sequence_packer import tokenizing
from components.sequence_packer.packing import TokenizedDocument
from components.sequence_packer.tokenizing import tokenize, tokenize_all
from models.tokenizing import byte_pairs, known_words
from models.tokenizing.byte_pairs import BytePairModel
from models.tokenizing.sentence_pieces import SentencePieceModel

TEXTS = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(["The quick ", "brown fox", " "])


@pytest.fixture(scope="session")
def model(tokenizer_proto: bytes) -> SentencePieceModel:
    return SentencePieceModel(tokenizer_proto)


@given(TEXTS, TEXTS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_token_ends_where_the_prompt_ends(model: SentencePieceModel, prompt: str, completion: str) -> None:
    tokens = tokenize(Document(prompt + completion, "s", "f#1", len(prompt.encode())), model)

    boundary = tokens.num_prompt_tokens
    assert model.decode(tokens.token_ids[:boundary]) == prompt
    assert model.decode(tokens.token_ids[boundary:]) == completion
    assert tokens.num_bytes == len((prompt + completion).encode())
    assert model.byte_lengths[tokens.token_ids[:boundary]].sum() == tokens.num_prompt_bytes


def test_a_prompt_is_encoded_as_when_it_is_served(model: SentencePieceModel) -> None:
    """Not so for the text as a whole, where a piece may cross the boundary."""
    prompt, completion = "The quick bro", "wn fox"

    tokens = tokenize(Document(prompt + completion, "s", "f#1", len(prompt)), model)

    whole = model.encode(prompt + completion)
    assert tokens.token_ids[: tokens.num_prompt_tokens].tolist() == model.encode(prompt).tolist()
    assert tokens.token_ids.tolist() != whole.tolist()
    assert model.decode(tokens.token_ids) == model.decode(whole)


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_documents_together_have_the_tokens_that_each_has_alone(
    model: SentencePieceModel, pairs: list[tuple[str, str]]
) -> None:
    documents = [
        Document(prompt + completion, "s", f"f#{line}", len(prompt.encode()))
        for line, (prompt, completion) in enumerate(pairs)
    ]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(known_words, "MIN_CHARACTERS", 0)
        patch.setattr(tokenizing, "_BATCH_COST", 450)
        together = list(tokenize_all(iter(documents), model))

    assert [document for document, _ in together] == documents
    assert [_plain(tokens) for _, tokens in together] == [_plain(tokenize(each, model)) for each in documents]


def test_a_document_without_a_prompt_is_encoded_whole(model: SentencePieceModel) -> None:
    tokens = tokenize(Document("The quick", "s", "f#1"), model)

    assert tokens.num_prompt_tokens == 0
    assert tokens.token_ids.tolist() == model.encode("The quick").tolist()


def test_no_prompt_has_no_token_though_the_tokenizer_puts_a_space_before_every_text() -> None:
    characters = byte_pairs.byte_characters()
    vocabulary = {character: index for index, character in enumerate(characters)}
    model = BytePairModel(byte_pairs.serialize(vocabulary, [], [], 0, 0, 0, add_prefix_space=True))

    tokens = [tokenize(Document("the", "s", f"f#{size}", size), model) for size in (0, 2)]

    assert [each.token_ids.tolist() for each in tokens] == [list(b" the"), list(b" th e")]
    assert [each.num_prompt_tokens for each in tokens] == [0, 3]


def _plain(tokens: TokenizedDocument) -> tuple[list[int], int, int, int]:
    sizes = (tokens.num_bytes, tokens.num_prompt_tokens, tokens.num_prompt_bytes)
    return (tokens.token_ids.tolist(), *sizes)
