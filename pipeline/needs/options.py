"""What the command line says of a plan on paper."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Options:
    """What the command line gives; None where it leaves it to be found."""

    corpus_bytes: float | None = None
    parameters: float | None = None
    bytes_per_token: float | None = None
    mb_per_core: float | None = None
    gpu: str = "H100"
    gpu_memory_gb: float | None = None
    gpus: int = 8
    utilisation: float | None = None
    data_hours: float = 24.0
    worker_cores: int = 4
