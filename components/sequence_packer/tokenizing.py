"""Documents to their tokens.

Where a prompt ends, a token ends: prompt and completion are encoded apart, and the loss mask can
cut between them. So the model learns to continue exactly the ids that a served prompt encodes to.
The price is that the ids of a document are not always those of its text as a whole: with the pieces
``"2+2="``, ``"4"`` and ``"=4"``, the prompt ``"2+2"`` and the completion ``"=4"`` stay two pieces
though the whole text may be encoded as ``"2+2="``, ``"4"``. Decoded, they are the same text:
``decode(encode(prompt) + encode(completion)) == prompt + completion``, as each half comes back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from components.documents import Document
from components.sequence_packer.packing import TokenizedDocument
from models.tokenizing.reading import TextTokenizer

_BATCH_COST = 2_000_000
"""Characters that are encoded together, a document counting as some more."""
_DOCUMENT_COST = 200


def tokenize(document: Document, model: TextTokenizer) -> TokenizedDocument:
    """The document's tokens, and how many of them are its prompt's."""
    return _tokenized(document, map(model.encode, _texts(document)))


def tokenize_all(
    documents: Iterable[Document], model: TextTokenizer
) -> Iterator[tuple[Document, TokenizedDocument]]:
    """Each document and its tokens, those of `tokenize`; some megabytes at a time, which is much faster."""
    for batch in _batches(documents):
        encoded = iter(model.encode_many([text for document in batch for text in _texts(document)]))
        for document in batch:
            yield document, _tokenized(document, encoded)


def _batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
    batch: list[Document] = []
    size = 0
    for document in documents:
        batch.append(document)
        size += len(document.text) + _DOCUMENT_COST
        if size >= _BATCH_COST:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _texts(document: Document) -> tuple[str, ...]:
    return document.split_prompt() if document.num_prompt_bytes else (document.text,)


def _tokenized(document: Document, encoded: Iterator[np.ndarray]) -> TokenizedDocument:
    """Takes the ids of the document's texts."""
    parts = [next(encoded) for _ in _texts(document)]
    return TokenizedDocument(
        token_ids=np.concatenate(parts),
        num_bytes=len(document.text.encode()),
        num_prompt_tokens=sum(map(len, parts[:-1])),
        num_prompt_bytes=document.num_prompt_bytes,
    )
