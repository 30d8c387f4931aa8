"""Trains a SentencePiece model that gives every text back, to the byte.

SentencePiece as it comes loses information: it writes a space as U+2581 and reads each
U+2581 as a space, its trainer drops sentences over 4 kB, strips line ends, and refuses
tabs and some other characters within pieces. So:

1. Training text is cut into lines (each keeps its line ends, long ones are cut
   further), so that no sentence is too long for the trainer.
2. Line ends and tabs are trained as stand-ins, private-use characters, and so become
   parts of pieces such as ``".\\n\\n"``. Characters that the trainer cannot take, and the
   stand-ins themselves, only separate sentences: they are always encoded as bytes.
3. Special tokens of the configuration only separate sentences, too: no learnt piece has a part of one. They
   are added afterwards.
4. In the finished model the stand-ins become what they stand for, U+2581 becomes a
   space, and ``escape_whitespaces`` becomes false: now nothing is rewritten on
   the way in, and no piece holds a U+2581 that decoding would turn into a space.

With byte fallback, identity normalisation and no whitespace rules, encoding is then a
cut of the text into substrings and decoding their concatenation.

The same text and settings give the same bytes: the caller passes texts in a defined order,
and unigram's threads, which add up partial sums, are a fixed number. Cost, on one core:
about 0.1 s a megabyte for BPE and 1 s for unigram; memory, 13 and 25 times the text.
"""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence

import sentencepiece

from components.config import TokenizerConfig
from components.errors import CorpusError, VocabularyError
from components.tokenizer_trainer import alphabets
from models.features import END_ID, PAD_ID, START_ID, UNK_ID
from models.tokenizing import chunks, special_tokens
from models.tokenizing.model_proto import NORMAL, USER_DEFINED, ModelProto, add_piece
from models.tokenizing.sentence_pieces import SPACE, SentencePieceModel

_STAND_INS = {"\n": "\ue000", "\r": "\ue001", "\t": "\ue002"}
_UNTRAINABLE = ("\0", SPACE, "\u2585", *_STAND_INS.values())
"""U+2585 is the trainer's mark for unknown text; it skips sentences with it, or with a NUL."""
_TO_TRAINER = str.maketrans({**_STAND_INS, **dict.fromkeys(_UNTRAINABLE, "\0")})
_FROM_TRAINER = str.maketrans({SPACE: " ", **{mark: char for char, mark in _STAND_INS.items()}})
_MAX_SENTENCE_CHARS = 10_000
_SENTENCE = re.compile(
    rf"(?:[^\0\ue000]{{1,{_MAX_SENTENCE_CHARS}}}\ue000{{0,99}}|\ue000{{1,{_MAX_SENTENCE_CHARS}}})"
)
_NUM_THREADS = 4
_NO_TEXT = "the train split has no text to train a tokenizer on; add text to the corpus"


def train(texts: Iterable[str], settings: TokenizerConfig) -> bytes:
    """A serialized model.

    Raises:
      CorpusError: there is no text.
      VocabularyError: the vocabulary's size does not fit the text; names the nearest that does.
    """
    if settings.algorithm == "bytes":
        return alphabets.serialize("", settings)
    texts = _between_special_tokens(texts, settings.special_tokens)
    if settings.algorithm == "characters":
        if not (found := alphabets.alphabet(texts, settings)):
            raise CorpusError(_NO_TEXT)
        return alphabets.serialize(found, settings)
    return _train_pieces(texts, settings)


def _train_pieces(texts: Iterable[str], settings: TokenizerConfig) -> bytes:
    sentences = (sentence for text in texts for sentence in cut(text))
    first = next(sentences, None)
    if first is None:
        raise CorpusError(_NO_TEXT)
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=itertools.chain([first], sentences),
            model_writer=model,
            model_type=settings.algorithm,
            vocab_size=settings.vocabulary_size - len(settings.special_tokens),
            character_coverage=settings.character_coverage,
            max_sentence_length=8 * _MAX_SENTENCE_CHARS,
            byte_fallback=True,
            normalization_rule_name="identity",
            add_dummy_prefix=False,
            remove_extra_whitespaces=False,
            allow_whitespace_only_pieces=True,
            pad_id=PAD_ID,
            unk_id=UNK_ID,
            eos_id=END_ID,
            bos_id=-1 if settings.start_token is None else START_ID,
            pad_piece=settings.pad_token,
            eos_piece=settings.end_token,
            bos_piece=settings.start_token or "<s>",
            num_threads=_NUM_THREADS,
            minloglevel=2,
        )
    except RuntimeError as error:
        raise _explained(error, settings) from error
    return _finished(model.getvalue(), settings)


def cut(text: str) -> Iterator[str]:
    """The trainer's sentences: ``"a\\tb\\n\\nc" -> "a⇥b⏎⏎", "c"`` with stand-ins for the arrows."""
    yield from _SENTENCE.findall(text.translate(_TO_TRAINER))


def bytes_per_token(model: SentencePieceModel, texts: Sequence[str], max_bytes: int = 1_000_000) -> float:
    """How many bytes of text a token stands for, over the first ``max_bytes`` of ``texts``."""
    num_bytes = num_tokens = 0
    for text in texts:
        num_bytes += len(text.encode())
        num_tokens += len(model.encode(text))
        if num_bytes >= max_bytes:
            break
    return num_bytes / num_tokens


def _between_special_tokens(texts: Iterable[str], tokens: Sequence[str]) -> Iterator[str]:
    pattern = special_tokens.for_python(tokens)
    for text in texts:
        yield from (part for part, is_special in special_tokens.cut(text, pattern) if not is_special)


def _finished(serialized: bytes, settings: TokenizerConfig) -> bytes:
    """Without stand-ins, scores in steps, and with the configuration's special tokens after the others."""
    model = ModelProto.FromString(serialized)
    for piece in model.pieces:
        if piece.type == NORMAL:
            piece.piece = piece.piece.translate(_FROM_TRAINER)
            piece.score = chunks.rounded(piece.score)
    pieces = list(model.pieces)
    position = settings.num_special_tokens - len(settings.special_tokens)
    del model.pieces[position:]
    for token in settings.special_tokens:
        add_piece(model, token, USER_DEFINED)
    model.pieces.extend(pieces[position:])
    model.trainer_spec.vocab_size = len(model.pieces)
    model.normalizer_spec.escape_whitespaces = False
    return bytes(model.SerializeToString(deterministic=True))


def _explained(error: RuntimeError, settings: TokenizerConfig) -> Exception:
    asked = f"tokenizer.vocabulary_size = {settings.vocabulary_size}"
    num_added = len(settings.special_tokens)
    too_large = re.search(r"Vocabulary size too high .*<= (\d+)", str(error))
    if too_large:
        return VocabularyError(
            f"{asked} is more than the train split's text can fill; set at most "
            f"{int(too_large[1]) + num_added}, or add text"
        )
    too_small = re.search(r"smaller than required_chars. \d+ vs (\d+)", str(error))
    if too_small:
        return VocabularyError(
            f"{asked} has no room for the bytes and the characters of the text; set at least "
            f"{int(too_small[1]) + num_added}, "
            f"or lower tokenizer.character_coverage (now {settings.character_coverage})"
        )
    return VocabularyError(f"SentencePiece could not train with {asked}: {error}")
