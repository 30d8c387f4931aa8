"""The objects of OpenAI's answers, as JSON values."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from typing import Any

from serving import contract
from serving.engine.continuation import TokenLikelihood
from serving.engine.text import text_of
from serving.errors import Code, ServingError
from serving.openai.requests import RequestError

_FINISH_REASONS = {
    contract.FINISH_STOP: "stop",
    contract.FINISH_LENGTH: "length",
    contract.FINISH_CONTEXT: "length",
}
_ERROR_TYPES = {
    Code.NOT_FOUND: ("invalid_request_error", "model_not_found"),
    Code.RESOURCE_EXHAUSTED: ("rate_limit_error", "overloaded"),
    Code.DEADLINE_EXCEEDED: ("server_error", "timeout"),
    Code.UNAVAILABLE: ("server_error", "unavailable"),
}


class Head:
    """What every object of one answer has: id, time and model."""

    def __init__(self, prefix: str, model: str, version: int) -> None:
        self._id = f"{prefix}-{secrets.token_hex(12)}"
        self._created = int(time.time())
        self._model = model
        self._fingerprint = f"version_{version}"

    def object(self, kind: str, choices: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        return {
            "id": self._id,
            "object": kind,
            "created": self._created,
            "model": self._model,
            "system_fingerprint": self._fingerprint,
            "choices": choices,
            **more,
        }


def finish_reason(reason: str | None) -> str | None:
    """OpenAI's word for the contract's."""
    return _FINISH_REASONS[reason] if reason else None


def usage(num_prompt_tokens: int, num_new_tokens: int) -> dict[str, int]:
    return {
        "prompt_tokens": num_prompt_tokens,
        "completion_tokens": num_new_tokens,
        "total_tokens": num_prompt_tokens + num_new_tokens,
    }


def completion_logprobs(
    tokens: Sequence[TokenLikelihood], offset: int, first_is_given: bool = False
) -> dict[str, list[Any]]:
    """Of a completion whose text before ``tokens`` has ``offset`` characters. ``first_is_given``: nothing
    predicts the first of them."""
    texts = [text_of([token.token]) for token in tokens]
    offsets = []
    for text in texts:
        offsets.append(offset)
        offset += len(text)
    values: list[float | None] = [token.log_probability for token in tokens]
    top: list[dict[str, float] | None] = [
        # The likeliest of those that read alike.
        {text_of([other]): value for other, value in reversed(token.alternatives)}
        for token in tokens
    ]
    if first_is_given and tokens:
        values[0] = top[0] = None
    return {"tokens": texts, "token_logprobs": values, "top_logprobs": top, "text_offset": offsets}


def chat_logprobs(tokens: Sequence[TokenLikelihood]) -> dict[str, Any]:
    return {
        "content": [
            {
                **_chat_token(token.token, token.log_probability),
                "top_logprobs": [_chat_token(other, value) for other, value in token.alternatives],
            }
            for token in tokens
        ],
        "refusal": None,
    }


def _chat_token(token: bytes, log_probability: float) -> dict[str, Any]:
    return {"token": text_of([token]), "logprob": log_probability, "bytes": list(token)}


def error_object(error: ServingError) -> dict[str, Any]:
    kind, code = _ERROR_TYPES.get(error.code, (None, None))
    if kind is None:
        kind = "invalid_request_error" if error.code.http_status < 500 else "server_error"
    param = error.param if isinstance(error, RequestError) else None
    return {"error": {"message": error.wire_message, "type": kind, "param": param, "code": code}}
