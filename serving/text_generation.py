"""``serving.pipeline("text-generation", target)``: a model called as Hugging Face's pipelines are.

``target`` is a server or a SavedModel, and the call and its answer have the shape that users of
``transformers`` know::

    pipe = pipeline("text-generation", "127.0.0.1:8500", model="shakespeare")
    pipe("To be", max_new_tokens=20)                # [{"generated_text": "To be ..."}]
    pipe(["To be", "Or not"], do_sample=False)      # [[{"generated_text": ...}], [{...}]]
    pipe([{"role": "user", "content": "Hello"}])    # [{"generated_text": [..., {"role": "assistant", ...}]}]

What differs from there: the defaults of sampling are the contract's (`Options` has them all), the
text ends before a stop string and not behind it, and the greedy choice passes over ``temperature``,
``top_k`` and ``top_p`` in silence.
"""

from __future__ import annotations

import itertools
import os
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from serving import contract
from serving.client import Client, Generation, LanguageModel, RestClient, Retries
from serving.clients.pipeline_options import Options, with_options
from serving.errors import InvalidArgumentError

TASK = "text-generation"

Conversation = Sequence[Mapping[str, str]]
"""Messages with ``role`` and ``content``."""
Record = dict[str, Any]
"""One continuation: ``generated_text``, a text, or the conversation with the new message."""


class TextGenerationPipeline:
    """See the module. Made by `pipeline`."""

    task = TASK

    def __init__(self, model: LanguageModel, **options: Any) -> None:
        """``options`` hold for every call that does not say otherwise."""
        self.model = model
        self._options = with_options(Options(), options)

    def __call__(
        self, text_inputs: str | Conversation | Iterable[str] | Iterable[Conversation], **options: Any
    ) -> Any:
        """Continues a text or a conversation: a list of records. Of a list of them: a list of such lists; of
        an iterator: an iterator, which asks for ``batch_size`` of them at a time."""
        asked = with_options(self._options, options)
        seeds = itertools.count(secrets.randbelow(2**31) if asked.seed is None else asked.seed)
        if isinstance(text_inputs, str):
            return next(self._answers([text_inputs], asked, seeds))
        if isinstance(text_inputs, Iterator):
            return self._answers(text_inputs, asked, seeds)
        inputs: list[Any] = list(text_inputs)
        if inputs and isinstance(inputs[0], Mapping):
            return next(self._answers([inputs], asked, seeds))
        return list(self._answers(inputs, asked, seeds))

    def close(self) -> None:
        """Ends the connection to the server, if there is one."""
        self.model.close()

    def __enter__(self) -> TextGenerationPipeline:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _answers(self, inputs: Iterable[Any], asked: Options, seeds: Iterator[int]) -> Iterator[list[Record]]:
        """The records of each input, in order."""
        waiting = iter(inputs)
        while batch := list(itertools.islice(waiting, asked.batch_size)):
            for kind, some in itertools.groupby(batch, key=_kind):
                answer = self._texts if kind is str else self._conversations
                yield from answer(list(some), asked, seeds)

    def _texts(self, prompts: list[str], asked: Options, seeds: Iterator[int]) -> Iterator[list[Record]]:
        count = asked.num_return_sequences
        rows = [prompt for prompt in prompts for _ in range(count)]
        generations = self.model.generate(
            rows,
            seed=[contract.seed(next(seeds)) for _ in rows],
            stop=asked.stop,
            timeout_s=asked.timeout_s,
            **asked.sampling(),
        )
        for index, prompt in enumerate(prompts):
            start = prompt if asked.return_full_text else ""
            some = generations[index * count : (index + 1) * count]
            yield [{"generated_text": start + generation.text} for generation in some]

    def _conversations(
        self, conversations: list[Conversation], asked: Options, seeds: Iterator[int]
    ) -> Iterator[list[Record]]:
        for messages in conversations:
            records = []
            for _ in range(asked.num_return_sequences):
                said = self._said(messages, asked, contract.seed(next(seeds))).text
                whole = [*messages, {"role": "assistant", "content": said}]
                records.append({"generated_text": whole if asked.return_full_text else said})
            yield records

    def _said(self, messages: Conversation, asked: Options, seed: int) -> Generation:
        for message in messages:
            if not isinstance(message, Mapping) or not {"role", "content"} <= set(message):
                raise InvalidArgumentError(f"{message!r} is no message: expected 'role' and 'content'")
        return self.model.chat(
            messages, seed=seed, stop=asked.stop, timeout_s=asked.timeout_s, **asked.sampling()
        )


def pipeline(
    task: str,
    target: str | os.PathLike[str],
    model: str | None = None,
    version: int | None = None,
    label: str | None = None,
    retries: Retries = Retries(),  # noqa: B008
    **options: Any,
) -> TextGenerationPipeline:
    """A pipeline on a server or a SavedModel.

    ``target``: a server's ``host:port`` for gRPC or ``http://host:port`` for REST, with the ``model``'s name;
    or a SavedModel's folder, or the base path of several versions, which is loaded into this process and
    imports TensorFlow. ``version`` or ``label`` choose another version than the newest. ``options`` are
    `serving.clients.pipeline_options.Options`, for every call.
    """
    if task != TASK:
        raise InvalidArgumentError(f"unknown task {task!r}: expected {TASK!r}")
    where = os.fspath(target)
    is_rest, is_grpc = where.startswith(("http://", "https://")), _is_address(where)
    # Before anything is loaded.
    with_options(Options(), options)
    if not is_rest and not is_grpc:
        return TextGenerationPipeline(_saved_model(where, version, label), **options)
    if model is None:
        raise InvalidArgumentError(
            f"which model of {where}? Give model=, the name that the server knows it by"
        )
    kind: type[RestClient] | type[Client] = RestClient if is_rest else Client
    return TextGenerationPipeline(kind(where, model, version, label, retries), **options)


def _is_address(target: str) -> bool:
    is_host_and_port = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[\w.-]+):\d{1,5}", target) is not None
    return is_host_and_port and not Path(target).is_dir()


def _saved_model(folder: str, version: int | None, label: str | None) -> LanguageModel:
    if label is not None:
        raise InvalidArgumentError("a folder has no labels: give version=, or neither")
    if "://" not in folder and not Path(folder).is_dir():
        raise InvalidArgumentError(
            f"{folder!r} is neither a folder nor a server: expected a SavedModel's folder, host:port or "
            "http://host:port"
        )
    from serving.clients.saved_model import SavedModel

    return SavedModel(folder, version)


def _kind(text_input: Any) -> type:
    if not isinstance(text_input, (str, Sequence)):
        raise InvalidArgumentError(
            f"{text_input!r} is no input: expected a text, or a list of messages with 'role' and 'content'"
        )
    return str if isinstance(text_input, str) else list
