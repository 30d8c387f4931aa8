"""How requests are batched: TensorFlow Serving's BatchingParameters, checked."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

from serving.errors import StartError


@dataclasses.dataclass(frozen=True)
class BatchingParameters:
    """Names and defaults are TensorFlow Serving's."""

    max_batch_size: int = 1000
    """Rows. A larger request is refused, or split under ``enable_large_batch_splitting``."""
    batch_timeout_micros: int = 0
    """How long a batch that is not full waits for more; 0: only as long as every thread is busy."""
    max_enqueued_batches: int = 10
    """Of one signature, waiting for a thread; a request that would need another is refused at once."""
    num_batch_threads: int = dataclasses.field(default_factory=lambda: os.cpu_count() or 1)
    """Batches that run at once, of all models."""
    allowed_batch_sizes: tuple[int, ...] = ()
    """In ascending order; a batch is padded to the next of them with copies of a row."""
    pad_variable_length_inputs: bool = False
    """Requests that differ in other axes than the first are padded with each tensor's own first element."""
    enable_large_batch_splitting: bool = False
    max_execution_batch_size: int = 0
    """Rows of a batch under ``enable_large_batch_splitting``; 0: ``max_batch_size``."""

    def __post_init__(self) -> None:
        for name in ("max_batch_size", "max_enqueued_batches", "num_batch_threads"):
            if getattr(self, name) < 1:
                raise StartError(f"batching parameter {name} is {getattr(self, name)}; expected at least 1")
        if self.batch_timeout_micros < 0:
            raise StartError(
                f"batching parameter batch_timeout_micros is {self.batch_timeout_micros}; expected 0 or more"
            )
        sizes = self.allowed_batch_sizes
        if sizes and (list(sizes) != sorted(set(sizes)) or sizes[0] < 1):
            raise StartError(
                f"batching parameter allowed_batch_sizes is {list(sizes)}; "
                "expected ascending numbers from 1 up"
            )
        if sizes and sizes[-1] != self.largest_batch:
            raise StartError(
                "Last entry in allowed_batch_sizes must match max_batch_size; "
                f"last entry was {sizes[-1]}; expected {self.largest_batch}"
            )
        if not 0 <= self.max_execution_batch_size <= self.max_batch_size:
            raise StartError(
                f"batching parameter max_execution_batch_size is {self.max_execution_batch_size}; "
                f"expected at most max_batch_size, {self.max_batch_size}"
            )

    @property
    def largest_batch(self) -> int:
        """Rows in a batch, at most, before padding."""
        if self.enable_large_batch_splitting and self.max_execution_batch_size:
            return self.max_execution_batch_size
        return self.max_batch_size

    def padded_size(self, num_rows: int) -> int:
        """The smallest allowed size that holds ``num_rows``."""
        return next((size for size in self.allowed_batch_sizes if size >= num_rows), num_rows)


def parameters_from_proto(proto: Any) -> BatchingParameters:
    """From a ``BatchingParameters`` message; what it leaves out has the default."""
    given: dict[str, Any] = {
        field.name: value.value if hasattr(value, "value") else value for field, value in proto.ListFields()
    }
    given.pop("thread_pool_name", None)
    if "allowed_batch_sizes" in given:
        given["allowed_batch_sizes"] = tuple(given["allowed_batch_sizes"])
    return BatchingParameters(**given)
