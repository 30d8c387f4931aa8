"""The figures that a plan starts from: each with its source, measured here where it was, else stated.

The stated ones were measured as `STATED_FROM` says, in CPU time, so that other work on the machine does not
count; a runner on a cluster adds its own shuffling and network, and other text is other work.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

STATED_FROM = "stated: as measured on 48 MB of Python source, vocabulary 16,384, AMD EPYC, CPU time"
STATED_MB_PER_CPU_S = {
    "CorpusGen": 1.7,
    "StatisticsGen": 9.8,
    "TokenizerTrainer": 76.0,
    "SequencePacker": 2.5,
}
"""MB of text in the corpus that a stage handles in a second of one core, with the default configuration.
Of the TokenizerTrainer, what choosing its sample takes, for which it reads all of the train split; training
on the sample, which has a limit, comes on top."""
STATED_BYTES_PER_TOKEN = 3.8
STATED_DOCUMENTS_RATIO = 0.29
"""Bytes of CorpusGen's gzipped documents for a byte of text."""
STATED_ROW_BYTES_PER_TOKEN = 1.07
"""Bytes of the packer's gzipped rows for a token."""

UTILISATION = 0.4
UTILISATION_SOURCE = "assumed; PaLM reports 0.46, GPT-3's was 0.21 (arXiv 2204.02311, table 3)"
GPU_MEMORY_GB = {
    "B200": 180.0, "H200 NVL": 141.0, "H200": 141.0, "H100 PCIe": 80.0, "H100 NVL": 94.0, "H100": 80.0,
    "A100": 80.0, "A40": 48.0, "A30": 24.0, "A10": 24.0, "RTX A6000": 48.0, "L40S": 48.0, "L40": 48.0,
    "L4": 24.0, "T4": 16.0, "RTX 4090": 24.0, "RTX 3090": 24.0,
}  # fmt: skip
"""As the makers publish it; of an A100 the larger."""


@dataclasses.dataclass(frozen=True)
class Figure:
    """A number and where it comes from."""

    value: float
    source: str


@dataclasses.dataclass(frozen=True)
class Figures:
    """Everything that a plan depends on besides the configuration."""

    corpus_bytes: Figure
    """Of text, inflated."""
    bytes_per_token: Figure
    mb_per_cpu_s: Mapping[str, Figure]
    """By stage, of those that read the whole corpus."""
    documents_ratio: Figure
    row_bytes_per_token: Figure
    gpu: str
    gpu_peak_flops: Figure
    gpu_memory_gb: Figure
    utilisation: Figure
    num_gpus: int
    data_hours: float
    """In which the data stages on Beam shall be done."""
    worker_cores: int
    """Of one Beam worker."""
