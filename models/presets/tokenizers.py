"""A preset's tokenizer as the file that Lexmill reads: `models.tokenizing.reading`."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import keras_hub

from models.errors import PresetError, first_line
from models.presets import contents
from models.tokenizing import byte_pairs, sentence_pieces


def read(folder: Path) -> bytes:
    """The tokenizer of the preset in ``folder``, serialized.

    Raises:
      PresetError: there is none, it is damaged, or it is of a kind that has no ops here.
    """
    contents.check(folder)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # KerasHub leaves the closing to Python.
            tokenizer = keras_hub.tokenizers.Tokenizer.from_preset(str(folder))
    except Exception as error:
        raise PresetError(f"preset {folder}: its tokenizer cannot be read: {first_line(error)}") from error
    try:
        if isinstance(tokenizer, keras_hub.tokenizers.BytePairTokenizer):
            return _byte_pairs(tokenizer)
        if isinstance(tokenizer, keras_hub.tokenizers.SentencePieceTokenizer):
            return sentence_pieces.with_special_pieces(
                tokenizer.proto, _piece(tokenizer, "start"), tokenizer.end_token, _piece(tokenizer, "pad")
            )
    except PresetError as error:
        raise PresetError(f"preset {folder}: {error}") from error
    raise PresetError(
        f"preset {folder}: a {type(tokenizer).__name__} is neither SentencePiece nor byte pairs: "
        "choose a preset with one of these"
    )


def _byte_pairs(tokenizer: Any) -> bytes:
    end = tokenizer.end_token_id
    start, pad = getattr(tokenizer, "start_token_id", None), getattr(tokenizer, "pad_token_id", None)
    return byte_pairs.serialize(
        vocabulary=dict(tokenizer.vocabulary),
        merges=list(tokenizer.merges),
        special_tokens=list(tokenizer.special_tokens),
        start_id=end if start is None else start,
        end_id=end,
        pad_id=end if pad is None else pad,
        add_prefix_space=tokenizer.add_prefix_space,
    )


def _piece(tokenizer: Any, which: str) -> str | None:
    return getattr(tokenizer, f"{which}_token", None)
