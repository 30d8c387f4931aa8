"""The package's errors: one class per kind of answer, the same on both sides of the wire.

The server raises them, the gRPC and REST fronts turn them into a status code, and
the clients turn that code back into the same class. Codes and their HTTP statuses
are TensorFlow Serving's. Standard library only.
"""

from __future__ import annotations

import enum
import logging
from typing import ClassVar

_log = logging.getLogger(__name__)

MAX_MESSAGE_CHARACTERS = 1024
"""TensorFlow Serving cuts error texts here."""


class Code(enum.Enum):
    """A gRPC status code with the HTTP status TensorFlow Serving pairs it with."""

    CANCELLED = (1, 499)
    UNKNOWN = (2, 500)
    INVALID_ARGUMENT = (3, 400)
    DEADLINE_EXCEEDED = (4, 504)
    NOT_FOUND = (5, 404)
    ALREADY_EXISTS = (6, 409)
    PERMISSION_DENIED = (7, 403)
    RESOURCE_EXHAUSTED = (8, 429)
    FAILED_PRECONDITION = (9, 400)
    ABORTED = (10, 409)
    OUT_OF_RANGE = (11, 400)
    UNIMPLEMENTED = (12, 501)
    INTERNAL = (13, 500)
    UNAVAILABLE = (14, 503)
    DATA_LOSS = (15, 500)
    UNAUTHENTICATED = (16, 401)

    @property
    def number(self) -> int:
        return self.value[0]

    @property
    def http_status(self) -> int:
        return self.value[1]


class ServingError(Exception):
    """Any failure of this package. One without a closer class: the server's operator reads its log; a retry
    does not help."""

    default_code: ClassVar[Code] = Code.UNKNOWN
    retry_helps: ClassVar[bool] = False
    """If the same request may succeed when sent again later."""

    def __init__(self, message: str, code: Code | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.retry_after_s: float | None = None
        """On a client: how long the server asks it to wait before a retry, if it says so."""

    @property
    def wire_message(self) -> str:
        """The message as the fronts send it."""
        return self.message[:MAX_MESSAGE_CHARACTERS]


class InvalidArgumentError(ServingError):
    """The caller mends the request; a retry does not help."""

    default_code = Code.INVALID_ARGUMENT


class FailedPreconditionError(ServingError):
    """The caller names a signature that the model has; a retry does not help."""

    default_code = Code.FAILED_PRECONDITION


class NotFoundError(ServingError):
    """The caller names a model or version that is served; a retry helps only while it is still loading."""

    default_code = Code.NOT_FOUND


class UnimplementedError(ServingError):
    """The server lacks the method or data type; a retry does not help."""

    default_code = Code.UNIMPLEMENTED


class InternalError(ServingError):
    """A fault of the server: its operator reads the log; a retry does not help."""

    default_code = Code.INTERNAL


class UnavailableError(ServingError):
    """The server is not up, or is stopping; a retry helps."""

    default_code = Code.UNAVAILABLE
    retry_helps = True


class ResourceExhaustedError(ServingError):
    """The server is overloaded; a retry helps."""

    default_code = Code.RESOURCE_EXHAUSTED
    retry_helps = True


class DeadlineExceededError(ServingError):
    """The answer took longer than the caller allowed; a retry with a longer timeout may help."""

    default_code = Code.DEADLINE_EXCEEDED
    retry_helps = True


class CancelledError(ServingError):
    """The client went away before its answer was there: nobody reads this."""

    default_code = Code.CANCELLED


class LoadError(ServingError):
    """A version's files are incomplete or broken: whoever exports or copies the model mends it; a retry helps
    only if the copy is still under way."""

    default_code = Code.INTERNAL


class StartError(ServingError):
    """The server cannot start as configured: the operator mends the configuration or the folder."""

    default_code = Code.FAILED_PRECONDITION


_BY_CODE: dict[Code, type[ServingError]] = {
    error.default_code: error
    for error in (
        InvalidArgumentError,
        FailedPreconditionError,
        NotFoundError,
        UnimplementedError,
        InternalError,
        UnavailableError,
        ResourceExhaustedError,
        DeadlineExceededError,
        CancelledError,
    )
}


def error_for(code: Code, message: str) -> ServingError:
    """The error of the class that stands for ``code``."""
    return _BY_CODE.get(code, ServingError)(message, code)


def status_of(error: Exception) -> tuple[Code, str]:
    """What the wire says of ``error``; one that is not of this package is logged with its traceback."""
    if isinstance(error, ServingError):
        return error.code, error.wire_message
    _log.error("a request failed", exc_info=error)
    return Code.INTERNAL, f"{type(error).__name__}: {error}"[:MAX_MESSAGE_CHARACTERS]


def code_of_number(number: int) -> Code:
    """The code with gRPC's ``number``; UNKNOWN for one that gRPC does not define."""
    return next((code for code in Code if code.number == number), Code.UNKNOWN)


def code_of_http_status(status: int) -> Code:
    """The code a client assumes for an HTTP status, which several codes may share."""
    return {
        400: Code.INVALID_ARGUMENT,
        401: Code.UNAUTHENTICATED,
        403: Code.PERMISSION_DENIED,
        404: Code.NOT_FOUND,
        409: Code.ABORTED,
        413: Code.INVALID_ARGUMENT,
        429: Code.RESOURCE_EXHAUSTED,
        499: Code.CANCELLED,
        500: Code.INTERNAL,
        501: Code.UNIMPLEMENTED,
        503: Code.UNAVAILABLE,
        504: Code.DEADLINE_EXCEEDED,
    }.get(status, Code.UNKNOWN)
