"""From a conversation to a prompt, by the template that comes with the model.

The template is Jinja, as Hugging Face's are: it sees ``messages`` (``role``, ``content``) and
``add_generation_prompt``, and may call ``raise_exception``. It lies in the version's folder as
``assets.extra/chat_template.jinja``, and runs in Jinja's sandbox.
"""

from __future__ import annotations

from typing import Any, NoReturn

import tensorflow as tf
from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from serving.errors import FailedPreconditionError, InvalidArgumentError
from serving.openai.requests import Message

PATH = "assets.extra/chat_template.jinja"
MAX_PROMPT_CHARACTERS = 10_000_000


def prompt_of(version_dir: str, messages: list[Message]) -> str:
    """The prompt; FailedPreconditionError if the model has no template."""
    path = f"{version_dir}/{PATH}"
    try:
        with tf.io.gfile.GFile(path) as file:
            source = file.read()
    except tf.errors.NotFoundError as error:
        raise FailedPreconditionError(
            f"the model has no chat template ({PATH} in its folder): add one, or use /v1/completions"
        ) from error
    return rendered(source, [{"role": message.role, "content": message.text} for message in messages])


def rendered(source: str, messages: list[dict[str, str]]) -> str:
    """The template's text; InvalidArgumentError with the template's own words if it refuses."""
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.globals["raise_exception"] = _refuse
    try:
        parts, size = [], 0
        template = environment.from_string(source)
        for part in template.generate(messages=messages, add_generation_prompt=True, **_NO_TOKENS):
            parts.append(part)
            size += len(part)
            if size > MAX_PROMPT_CHARACTERS:
                raise InvalidArgumentError(f"the prompt has more than {MAX_PROMPT_CHARACTERS} characters")
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
        raise InvalidArgumentError(f"the chat template refuses the messages: {error}") from error
    return "".join(parts)


_NO_TOKENS: dict[str, Any] = {"bos_token": "", "eos_token": ""}
"""The token that starts a text is not spelled in it."""


def _refuse(message: str) -> NoReturn:
    raise TemplateError(message)
