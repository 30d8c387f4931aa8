"""What a client asks of a server, whatever the protocol. A protocol's form turns each into bytes, and the
bytes of an answer into Python values."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

Columns = Mapping[str, Sequence[Any]]
"""Tensor name -> one Python value per row: str, bytes, int or float."""


@dataclasses.dataclass(frozen=True)
class ModelName:
    """Which model, and which of its versions: the newest, unless told by number or by label."""

    name: str
    version: int | None = None
    label: str | None = None


@dataclasses.dataclass(frozen=True)
class Predict:
    """Runs a signature of the contract; answered by its outputs, as Columns."""

    signature_name: str
    columns: Columns


@dataclasses.dataclass(frozen=True)
class Status:
    """Answered by a list of ServedVersion."""


@dataclasses.dataclass(frozen=True)
class Signatures:
    """Answered by signature name -> SignatureDef, in protobuf's JSON form."""


@dataclasses.dataclass(frozen=True)
class Stream:
    """Continues a prompt piece by piece; answered by the open stream of its events' bytes."""

    prompt: str
    sampling: Mapping[str, float]
    """By the contract's names."""
    stop: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Chat:
    """Continues a conversation, by the model's own template; answered by a Generation."""

    messages: Sequence[Mapping[str, str]]
    """Each with ``role`` and ``content``."""
    sampling: Mapping[str, float]
    stop: tuple[str, ...]


Request = Predict | Status | Signatures | Stream | Chat

REST_ONLY = (Signatures, Stream, Chat)
"""What TensorFlow Serving's gRPC services do not have, or not as JSON."""
