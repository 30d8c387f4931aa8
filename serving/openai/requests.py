"""The bodies of OpenAI's requests, checked.

Fields that this server cannot honour are refused where they would change the answer
(``tools``, ``logit_bias`` and the like), and passed over where they would not (``user``, ``metadata``).
``top_k`` is taken besides, as other servers do.
"""

from __future__ import annotations

import json
import secrets
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from serving.errors import InvalidArgumentError
from serving.rest.streaming import checked_text

TokenIds = Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]


class RequestError(InvalidArgumentError):
    """A body that is not what the API says; ``param`` is the field at fault."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


class StreamOptions(BaseModel):
    """What a stream has besides text."""

    include_usage: bool = False


def _is_off(value: Any) -> Any:
    if value:
        raise ValueError("this server does not support it: leave it out")
    return value


_OFF = AfterValidator(_is_off)
"""Of a field that would change the answer, and is not supported."""


class _Request(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    model: str
    temperature: float | None = Field(default=1.0, ge=0.0, allow_inf_nan=False)
    top_p: float | None = Field(default=1.0, gt=0.0, le=1.0)
    top_k: int = Field(default=0, ge=0, lt=2**31)
    n: int | None = Field(default=1, ge=1, le=128)
    stop: str | Annotated[list[str], Field(max_length=16)] | None = None
    seed: int | None = None
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    presence_penalty: Annotated[float | None, _OFF] = 0.0
    frequency_penalty: Annotated[float | None, _OFF] = 0.0
    logit_bias: Annotated[dict[str, float] | None, _OFF] = None

    @property
    def num_choices(self) -> int:
        return self.n or 1

    @property
    def stops(self) -> tuple[str, ...]:
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())

    @property
    def includes_usage(self) -> bool:
        return bool(self.stream_options and self.stream_options.include_usage)

    def sampling(self) -> dict[str, float]:
        """Inputs of the generate signature. Without a seed, a new one each time."""
        seed = secrets.randbelow(2**31) if self.seed is None else (self.seed + 2**31) % 2**32 - 2**31
        return {
            "temperature": 1.0 if self.temperature is None else self.temperature,
            "top_p": 1.0 if self.top_p is None else self.top_p,
            "top_k": self.top_k,
            "seed": seed,
        }


class CompletionRequest(_Request):
    """POST /v1/completions."""

    prompt: str | list[str] | TokenIds | list[TokenIds] = ""
    max_tokens: int | None = Field(default=16, ge=0, lt=2**31)
    logprobs: int | None = Field(default=None, ge=0, le=20)
    echo: bool | None = False
    best_of: int | None = None
    suffix: str | None = None

    @model_validator(mode="after")
    def _is_supported(self) -> CompletionRequest:
        if self.suffix:
            raise ValueError("suffix: this server does not support it: leave it out")
        if self.best_of is not None and self.best_of != self.num_choices:
            raise ValueError("best_of: this server does not rank choices: leave it out, or give n")
        return self

    def prompts(self) -> tuple[str | tuple[int, ...], ...]:
        """Texts or token ids."""
        given = self.prompt
        if isinstance(given, str):
            return (checked_text(given),)
        if given and isinstance(given[0], int):
            return (tuple(token for token in given if isinstance(token, int)),)
        return tuple(checked_text(one) if isinstance(one, str) else tuple(one) for one in given)  # type: ignore[arg-type]


class ContentPart(BaseModel):
    """Part of a message: text, and nothing else."""

    type: Literal["text"]
    text: str


class Message(BaseModel):
    """One message of a conversation."""

    model_config = ConfigDict(extra="ignore", strict=True)

    role: str
    content: str | list[ContentPart]
    name: str | None = None

    @property
    def text(self) -> str:
        content = self.content
        return content if isinstance(content, str) else "".join(part.text for part in content)


class ChatRequest(_Request):
    """POST /v1/chat/completions."""

    messages: list[Message] = Field(min_length=1)
    max_tokens: int | None = Field(default=None, ge=1, lt=2**31)
    max_completion_tokens: int | None = Field(default=None, ge=1, lt=2**31)
    logprobs: bool | None = False
    top_logprobs: int | None = Field(default=None, ge=0, le=20)
    tools: Annotated[list[Any] | None, _OFF] = None
    functions: Annotated[list[Any] | None, _OFF] = None
    response_format: dict[str, Any] | None = None

    @field_validator("response_format")
    @classmethod
    def _is_text(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        if value and value.get("type") != "text":
            raise ValueError('this server knows the type "text" only')
        return value

    @property
    def max_new_tokens(self) -> int | None:
        return self.max_completion_tokens or self.max_tokens


Parsed = TypeVar("Parsed", bound=_Request)


def parsed(kind: type[Parsed], body: bytes) -> Parsed:
    """The request in ``body``; RequestError in one line if there is none."""
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"We could not parse the JSON body of your request: {error}") from error
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        param = ".".join(str(part) for part in first["loc"]) or None
        name = str(first["loc"][0]) if first["loc"] else None
        message = first["msg"].removeprefix("Value error, ")
        raise RequestError(f"{param or 'body'}: {message}", name) from error
