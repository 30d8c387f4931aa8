"""What a model writes: how it repeats itself, how various it is, and what it has by heart.

Prompts are the beginnings of documents of the test split, half of the context long, those whose ids have
the smallest hashes; prompt-completion documents give their own prompts. The model continues each one
greedily and by sampling at temperature 1, with the prompt's number as its seed. What stands in the document
after the prompt, as long, is measured beside them: it says what people's own text repeats, and has in
common with the training text."""

from __future__ import annotations

import dataclasses
import hashlib
import heapq
import itertools
import math
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from components.documents import Document
from models.memorisation import Run, VerbatimRuns
from models.repetition import distinct, repeated_share
from models.tokenizing.reading import TextTokenizer
from serving import contract

GREEDY, SAMPLED, HUMAN = "greedy", "sampled", "the text itself"
MAX_TRAINING_BYTES = 20_000_000
"""Of the training text, at most so much is looked through for verbatim runs: some four seconds."""
_LEAST_TOKENS = 8
"""After its prompt, of a document that is asked for."""
_PROMPTS_AT_A_TIME = 16


@dataclasses.dataclass(frozen=True)
class Prompt:
    """The beginning of a document, and how it goes on."""

    text: str
    continuation: str


@dataclasses.dataclass(frozen=True)
class Sample:
    """A text after a prompt, and its longest part that stands in a training document."""

    prompt: str
    text: str
    run: Run | None


@dataclasses.dataclass(frozen=True)
class Quality:
    """Of all texts that were made in one way."""

    way: str
    """`GREEDY`, `SAMPLED` or `HUMAN`."""
    tokens: float
    """Of a text, the mean."""
    repeated: float
    """`models.repetition.repeated_share` of 4-grams, the mean."""
    distinct: tuple[float, float, float]
    """`models.repetition.distinct` of 1-, 2- and 3-grams."""
    longest_run: int | None
    """Characters that stand verbatim in one training document, the most of any text; None where there is no
    training text at hand."""
    longest_run_tokens: int | None
    """What these characters are encoded as."""
    median_run: float | None
    """Characters; the longest run of each text, the median."""
    samples: tuple[Sample, ...]


def choose_prompts(
    documents: Iterable[Document], tokenizer: TextTokenizer, context_length: int, count: int
) -> list[Prompt]:
    """At most ``count`` prompts, of as many documents."""
    chosen = heapq.nsmallest(4 * count, documents, key=lambda document: _hash(document.document_id))
    found = (prompt for document in chosen if (prompt := _prompt(document, tokenizer, context_length)))
    return list(itertools.islice(found, count))


def pieces_of_text(text: str, tokenizer: TextTokenizer, context_length: int) -> Iterator[Document]:
    """A text as documents of a context's length, for prompts all over it."""
    token_ids = tokenizer.encode(text)
    for start in range(0, len(token_ids), context_length):
        piece = tokenizer.vocabulary.text(token_ids[start : start + context_length].tolist())
        yield Document(piece.decode(errors="ignore"), "text", f"text#{start}")


def continue_prompts(
    model: Any, prompts: Sequence[Prompt], max_new_tokens: int, temperature: float
) -> list[str]:
    """The model's continuations, by its ``generate`` signature."""
    generate = model.signatures[contract.GENERATE]
    texts: list[str] = []
    for start in range(0, len(prompts), _PROMPTS_AT_A_TIME):
        batch = prompts[start : start + _PROMPTS_AT_A_TIME]
        given: dict[str, Any] = {
            field.name: [field.default]
            for field in contract.GENERATE_SIGNATURE.inputs
            if field.default is not None
        }
        given |= {"prompts": [prompt.text for prompt in batch], "max_new_tokens": [max_new_tokens]}
        given |= {"temperature": [temperature], "seed": list(range(start, start + len(batch)))}
        fields = contract.GENERATE_SIGNATURE.inputs
        outputs = generate(**{field.name: tf.constant(given[field.name], field.dtype) for field in fields})
        texts += [text.decode(errors="replace") for text in outputs["text"].numpy()]
    return texts


def measure(
    model: Any,
    tokenizer: TextTokenizer,
    prompts: Sequence[Prompt],
    max_new_tokens: int,
    training: Iterable[str] | None,
    progress: Callable[[str], None],
) -> list[Quality]:
    """Continues the prompts in every way, and measures the texts.

    Args:
      training: the documents that runs are looked for in; None where they are not at hand.
      progress: told what is under way.
    """
    way_to_texts = {}
    for way, temperature in ((GREEDY, 0.0), (SAMPLED, 1.0)):
        progress(f"generating, {way}")
        way_to_texts[way] = continue_prompts(model, prompts, max_new_tokens, temperature)
    way_to_texts[HUMAN] = [prompt.continuation for prompt in prompts]
    runs: list[Run] | None = None
    if training is not None:
        progress("looking for verbatim runs in the training text")
        search = VerbatimRuns([text for texts in way_to_texts.values() for text in texts])
        for document in training:
            search.read(document)
        runs = search.longest()
    return [
        _quality(
            way, prompts, texts, runs and runs[number * len(prompts) : (number + 1) * len(prompts)], tokenizer
        )
        for number, (way, texts) in enumerate(way_to_texts.items())
    ]


def _quality(
    way: str,
    prompts: Sequence[Prompt],
    texts: Sequence[str],
    runs: list[Run] | None,
    tokenizer: TextTokenizer,
) -> Quality:
    tokens = [tokenizer.encode(text).tolist() for text in texts]
    shares = [share for share in map(repeated_share, tokens) if not math.isnan(share)]
    longest, longest_tokens, median = None, None, None
    if runs:
        index = max(range(len(runs)), key=lambda number: runs[number].length)
        start, longest = runs[index]
        longest_tokens = len(tokenizer.encode(texts[index][start : start + longest]))
        median = float(statistics.median(run.length for run in runs))
    return Quality(
        way=way,
        tokens=statistics.fmean(map(len, tokens)),
        repeated=statistics.fmean(shares) if shares else math.nan,
        distinct=(distinct(tokens, 1), distinct(tokens, 2), distinct(tokens, 3)),
        longest_run=longest,
        longest_run_tokens=longest_tokens,
        median_run=median,
        samples=tuple(
            Sample(prompt.text, text, runs[number] if runs else None)
            for number, (prompt, text) in enumerate(zip(prompts, texts, strict=True))
        ),
    )


def _prompt(document: Document, tokenizer: TextTokenizer, context_length: int) -> Prompt | None:
    """None where the document is too short, or its own prompt too long."""
    half = context_length // 2
    if document.num_prompt_bytes:
        prompt, completion = document.split_prompt()
        if len(tokenizer.encode(prompt)) >= context_length:
            return None
        return Prompt(prompt, _text(tokenizer, tokenizer.encode(completion)[:half]))
    token_ids = tokenizer.encode(document.text)
    if len(token_ids) < half + _LEAST_TOKENS:
        return None
    return Prompt(_text(tokenizer, token_ids[:half]), _text(tokenizer, token_ids[half : context_length - 1]))


def _text(tokenizer: TextTokenizer, token_ids: np.ndarray) -> str:
    """Without what is only part of a character at the end, or at the beginning."""
    return tokenizer.vocabulary.text(token_ids.tolist()).decode(errors="ignore")


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
