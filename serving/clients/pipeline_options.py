"""What a call of `serving.pipeline` may say, and what it may not.

Names and meanings are those of Hugging Face's generation, defaults are the contract's. An option
of theirs that would change the text and that a model here does not have is refused; one that asks
for nothing (``repetition_penalty=1.0``, ``num_beams=1``) is accepted.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from serving.errors import InvalidArgumentError


@dataclasses.dataclass(frozen=True)
class Options:
    """What a call may say, beside its input. What is None has the contract's default."""

    max_new_tokens: int | None = None
    """64 when left out. A text may end earlier."""
    do_sample: bool = True
    """False: the likeliest token, always."""
    temperature: float | None = None
    """0.8 when left out."""
    top_k: int | None = None
    """Among the k likeliest tokens; all of them when left out, or 0."""
    top_p: float | None = None
    """Within this probability mass; 1 when left out."""
    num_return_sequences: int = 1
    """Continuations of each input, each with a seed of its own."""
    return_full_text: bool = True
    """With the input in front. False: what is new, alone."""
    stop_strings: str | Sequence[str] = ()
    """The text ends before the first of them."""
    seed: int | None = None
    """Of the first continuation; those that follow, over all inputs, have the numbers that follow. The same
    seed gives the same texts; without one, they are new each time."""
    batch_size: int = 8
    """Inputs in one request. Does not change the texts."""
    timeout_s: float = 60.0
    """For one request, its retries included."""

    def __post_init__(self) -> None:
        for name in ("num_return_sequences", "batch_size"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise InvalidArgumentError(f"{name} is {value!r}; expected a number of at least 1")
        if self.num_return_sequences > 1 and not self.do_sample:
            raise InvalidArgumentError(
                f"num_return_sequences={self.num_return_sequences} with do_sample=False would give the same "
                "text each time: ask for one, or sample"
            )

    @property
    def stop(self) -> list[str]:
        return [self.stop_strings] if isinstance(self.stop_strings, str) else list(self.stop_strings)

    def sampling(self) -> dict[str, Any]:
        """As the clients' methods take it, without the seed."""
        if not self.do_sample:
            return {"max_new_tokens": self.max_new_tokens, "temperature": 0.0}
        return {
            "max_new_tokens": self.max_new_tokens,
            "temperature": self.temperature,
            "top_k": self.top_k,
            "top_p": self.top_p,
        }


_ASKS_FOR_NOTHING: dict[str, tuple[Any, ...]] = {
    "repetition_penalty": (1.0,),
    "encoder_repetition_penalty": (1.0,),
    "no_repeat_ngram_size": (0,),
    "num_beams": (1,),
    "num_beam_groups": (1,),
    "diversity_penalty": (0.0,),
    "length_penalty": (1.0,),
    "early_stopping": (False,),
    "penalty_alpha": (0.0,),
    "min_length": (0,),
    "min_new_tokens": (0,),
    "min_p": (0.0,),
    "typical_p": (1.0,),
    "epsilon_cutoff": (0.0,),
    "eta_cutoff": (0.0,),
    "bad_words_ids": (),
    "force_words_ids": (),
    "suppress_tokens": (),
    "logits_processor": (),
    "stopping_criteria": (),
    "max_length": (),
    "max_time": (),
    "stop_sequence": (),
    "streamer": (),
    "eos_token_id": (),
    "prefix": ("",),
    "handle_long_generation": (),
    "return_tensors": (False,),
    "clean_up_tokenization_spaces": (False,),
    "generation_config": (),
}
"""Options of transformers that a model here does not have, and the values, beside None, that do nothing."""

_INSTEAD = {
    "max_length": "give max_new_tokens, which does not count the prompt",
    "max_time": "give timeout_s",
    "stop_sequence": "give stop_strings",
    "streamer": "RestClient.stream gives the text as it grows",
    "min_p": "give top_p",
    "typical_p": "give top_p",
}


def with_options(before: Options, options: Mapping[str, Any]) -> Options:
    """``before`` with a call's options; InvalidArgumentError for one that it cannot have."""
    known: dict[str, Any] = {field.name: field.default for field in dataclasses.fields(Options)}
    given: dict[str, Any] = {}
    for name, value in options.items():
        if name in known:
            given[name] = known[name] if value is None else value
        elif name in _ASKS_FOR_NOTHING:
            if value is not None and value not in _ASKS_FOR_NOTHING[name]:
                instead = _INSTEAD.get(name, "leave it out")
                raise InvalidArgumentError(f"{name}={value!r} is nothing that this model can do: {instead}")
        else:
            nearest = difflib.get_close_matches(name, known, 1)
            meant = f"did you mean {nearest[0]!r}? " if nearest else ""
            raise InvalidArgumentError(f"unknown option {name!r}: {meant}There are {', '.join(known)}")
    return dataclasses.replace(before, **given)
