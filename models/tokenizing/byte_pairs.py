"""A byte-pair tokenizer in Python, as GPT-2, OPT, Llama 3 and Qwen have it: text to ids.

Text is cut into words (`word_patterns`); each word's bytes are its first symbols; then, again and again,
the pair of neighbours that stands first in the list of merges becomes one symbol, the leftmost such pair of
the word first (Sennrich et al., arXiv 1508.07909, on bytes). With the merges ``h e``, ``l l``, ``he ll``, the
word ``hello`` goes ``h e l l o``, ``he l l o``, ``he ll o``, ``hell o``.

Every byte is a token, so ``decode(encode(text)) == text`` for every text, and no text spells a special token.
A word of more than `MAX_WORD_BYTES` is cut into such pieces: time grows with the square of a word's length,
and a server reads what it is sent. In memory a word is merged once: later ones are looked up.

No TensorFlow, for Beam workers: about 1.5 MB of prose a second. The same tokenizer as graph ops, with the
same ids, is in `models.tokenizer`.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import json
import re
from collections.abc import Sequence
from typing import Any, final

import numpy as np

from models.errors import PresetError
from models.tokenizing import word_patterns
from models.tokenizing.vocabulary import Vocabulary

MAX_WORD_BYTES = 512
_KEPT_WORDS = 200_000
_MARK = re.compile(r"<.+>")


@final
@dataclasses.dataclass(frozen=True)
class BytePairModel:
    """A vocabulary and its merges."""

    serialized: bytes
    """JSON, from `serialize`; all that is pickled."""

    @functools.cached_property
    def _content(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.serialized)
        return content

    @functools.cached_property
    def vocabulary(self) -> Vocabulary:
        content = self._content
        special = set(content["special_tokens"])
        texts = [b""] * (max(content["vocabulary"].values()) + 1)
        for token, token_id in content["vocabulary"].items():
            texts[token_id] = b"" if token in special else _bytes_of(token)
        return Vocabulary(tuple(texts), content["start_id"], content["end_id"], content["pad_id"])

    @functools.cached_property
    def byte_ids(self) -> np.ndarray:
        """The id of each byte, int32 ``(256,)``."""
        characters = byte_characters()
        return np.array([self._content["vocabulary"][char] for char in characters], np.int32)

    @functools.cached_property
    def merges(self) -> dict[tuple[int, int], tuple[int, int]]:
        """The ids of a pair -> its rank and the id of what it becomes."""
        ids = self._content["vocabulary"]
        pairs = (merge.split(" ") for merge in self._content["merges"])
        ranked = enumerate((left, right) for left, right in pairs)
        merges: dict[tuple[int, int], tuple[int, int]] = {}
        for rank, (left, right) in ranked:
            merges.setdefault((ids[left], ids[right]), (rank, ids[left + right]))
        return merges

    @property
    def vocabulary_size(self) -> int:
        return self.vocabulary.size

    @property
    def byte_lengths(self) -> np.ndarray:
        """See `Vocabulary.byte_lengths`; over a text's ids they sum to the text's bytes."""
        return self.vocabulary.byte_lengths

    @functools.cached_property
    def _known_words(self) -> dict[str, tuple[int, ...]]:
        return {}

    def encode(self, text: str) -> np.ndarray:
        """Token ids, int32 ``(tokens,)``; never a special token's, whatever the text spells."""
        if self._content["add_prefix_space"]:
            text = " " + text
        known = self._known_words
        ids: list[int] = []
        for word in word_patterns.words(text):
            found = known.get(word)
            if found is None:
                found = self._encode_word(word.encode())
                if len(known) < _KEPT_WORDS:
                    known[word] = found
            ids.extend(found)
        return np.array(ids, np.int32)

    def encode_many(self, texts: Sequence[str]) -> list[np.ndarray]:
        """The ids of each text."""
        return [self.encode(text) for text in texts]

    def decode(self, token_ids: np.ndarray | list[int]) -> str:
        """The text; special tokens give nothing, and bytes that are not UTF-8 give U+FFFD."""
        return self.vocabulary.text(token_ids).decode(errors="replace")

    @property
    def adds_prefix_space(self) -> bool:
        """Whether a space is put before every text."""
        return bool(self._content["add_prefix_space"])

    def _encode_word(self, word: bytes) -> tuple[int, ...]:
        pieces = (word[start : start + MAX_WORD_BYTES] for start in range(0, len(word), MAX_WORD_BYTES))
        return tuple(token_id for piece in pieces for token_id in self._merged(piece))

    def _merged(self, word: bytes) -> list[int]:
        merges = self.merges
        symbols: list[int] = self.byte_ids[np.frombuffer(word, np.uint8)].tolist()
        while True:
            candidates = [
                (*merges[pair], index)
                for index, pair in enumerate(itertools.pairwise(symbols))
                if pair in merges
            ]
            if not candidates:
                return symbols
            _, merged, index = min(candidates, key=lambda found: (found[0], found[2]))
            symbols[index : index + 2] = [merged]

    def __getstate__(self) -> dict[str, bytes]:
        return {"serialized": self.serialized}


def serialize(
    vocabulary: dict[str, int],
    merges: list[str],
    special_tokens: list[str],
    start_id: int,
    end_id: int,
    pad_id: int,
    add_prefix_space: bool,
) -> bytes:
    """What `BytePairModel` reads: the content of a preset's ``vocabulary.json`` and ``merges.txt``.

    Special are the tokens that KerasHub names so, and those in angle brackets that no merge makes.

    Raises:
      PresetError: a byte, or what a merge makes, is not in the vocabulary.
    """
    pairs = [merge for merge in merges if merge and not merge.startswith("#version")]
    for number, merge in enumerate(pairs, start=1):
        parts = merge.split(" ")
        if len(parts) != 2 or not all(parts):
            raise PresetError(f"merges.txt: merge {number} is {merge!r}: expected two symbols and a space")
        if missing := [symbol for symbol in (*parts, "".join(parts)) if symbol not in vocabulary]:
            raise PresetError(f"merges.txt: merge {number} needs {missing[0]!r}, which vocabulary.json lacks")
    if missing := [char for char in byte_characters() if char not in vocabulary]:
        raise PresetError(
            f"vocabulary.json lacks {len(missing)} of the 256 bytes, the first {missing[0]!r}: "
            "not every text could be encoded"
        )
    made = {*byte_characters(), *("".join(merge.split(" ")) for merge in pairs)}
    marks = [token for token in vocabulary if token not in made and _MARK.fullmatch(token)]
    content = {
        "vocabulary": vocabulary,
        "merges": pairs,
        "special_tokens": sorted({*special_tokens, *marks}),
        "start_id": start_id,
        "end_id": end_id,
        "pad_id": pad_id,
        "add_prefix_space": add_prefix_space,
    }
    return json.dumps(content, ensure_ascii=False).encode()


@functools.cache
def byte_characters() -> tuple[str, ...]:
    """By byte: the character that stands for it in a vocabulary's file. Visible Latin-1 characters stand
    for themselves, the others are moved to U+0100 and above, in order."""
    visible = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    hidden = [byte for byte in range(256) if byte not in visible]
    return tuple(chr(byte) if byte in visible else chr(256 + hidden.index(byte)) for byte in range(256))


@functools.cache
def _bytes_by_character() -> dict[str, int]:
    return {char: byte for byte, char in enumerate(byte_characters())}


def _bytes_of(token: str) -> bytes:
    """What a token of the vocabulary's file stands for; one that is not written in bytes, added by hand,
    for itself."""
    table = _bytes_by_character()
    if all(char in table for char in token):
        return bytes(table[char] for char in token)
    return token.encode()
