"""One document to its tokens.

Where a prompt ends, a token ends: prompt and completion are encoded apart, and the loss mask can
cut between them. So the model learns to continue exactly the ids that a served prompt encodes to.
The price is that the ids of a document are not always those of its text as a whole: with the pieces
``"2+2="``, ``"4"`` and ``"=4"``, the prompt ``"2+2"`` and the completion ``"=4"`` stay two pieces
though the whole text may be encoded as ``"2+2="``, ``"4"``. Decoded, they are the same text:
``decode(encode(prompt) + encode(completion)) == prompt + completion``, as each half comes back.
"""

from __future__ import annotations

import numpy as np

from components.documents import Document
from components.sequence_packer.packing import TokenizedDocument
from models.tokenizing.reading import TextTokenizer


def tokenize(document: Document, model: TextTokenizer) -> TokenizedDocument:
    """The document's tokens, and how many of them are its prompt's."""
    num_bytes = len(document.text.encode())
    if not document.num_prompt_bytes:
        return TokenizedDocument(model.encode(document.text), num_bytes)
    prompt, completion = map(model.encode, document.split_prompt())
    return TokenizedDocument(
        token_ids=np.concatenate([prompt, completion]),
        num_bytes=num_bytes,
        num_prompt_tokens=len(prompt),
        num_prompt_bytes=document.num_prompt_bytes,
    )
