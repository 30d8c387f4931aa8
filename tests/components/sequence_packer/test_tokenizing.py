from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.documents import Document
from components.sequence_packer.tokenizing import tokenize
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


def test_a_document_without_a_prompt_is_encoded_whole(
    model: SentencePieceModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    encode: Callable[[SentencePieceModel, str], object] = SentencePieceModel.encode
    monkeypatch.setattr(
        SentencePieceModel, "encode", lambda self, text: calls.append(text) or encode(self, text)
    )

    assert tokenize(Document("The quick", "s", "f#1"), model).num_prompt_tokens == 0
    assert calls == ["The quick"]
