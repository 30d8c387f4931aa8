"""What a corpus and a model need: Beam workers, hours, GPU hours, memory, storage, each with its formula.

Training takes C = 6 N D operations for N parameters and D tokens (Kaplan et al., arXiv 2001.08361, section
2.1), and C / (peak x utilisation) seconds of a GPU. The configuration's own count, with attention and without
the lookups (`models.networks.counts`), stands beside it.

Memory of a GPU, as this package trains: a whole copy of the model on each. Weights, their gradients and
Adam's two moments in float32 are 16 bytes a parameter; gradients that are accumulated, 4 more. Activations
of a Transformer in 16 bits, none computed anew: s h (34 + 5 a s / h) bytes a layer and row of s tokens, of
width h with a heads (Korthikanti et al., arXiv 2205.05198, equation 1); those of an LSTM, its four gates
and two states, kept in 16 bits, 12 s h; and logits with their gradient in float32, 8 s V.

Worked example: 1.5e9 parameters and 1e12 bytes of text at 4 bytes a token, nine tenths of it for training,
are D = 2.25e11 tokens and C = 6 x 1.5e9 x 2.25e11 = 2.0e21 operations; at 989.4e12 a second and 0.4 of them,
1,421 GPU hours.
"""

from __future__ import annotations

import dataclasses
import math

from models.config import ModelConfig
from models.networks.counts import Counts, count, format_flops
from pipeline.config import PipelineConfig
from pipeline.needs.figures import Figures

HELD_COPIES = 4
"""Of a model: the Trainer's, its weights for another training, the next run's baseline, what is pushed."""
KEPT_CHECKPOINTS = 3
"""The two newest and the best (`models.training.checkpoints`)."""
_BEAM_STAGES = ("CorpusGen", "StatisticsGen", "SequencePacker")
_GB, _TB = 1e9, 1e12


@dataclasses.dataclass(frozen=True)
class Line:
    """One figure of a plan."""

    section: str
    name: str
    value: float
    unit: str
    shown: str
    """The value for people, with its unit."""
    formula: str
    """With its inputs and where they come from."""


@dataclasses.dataclass(frozen=True)
class Needs:
    """A plan on paper."""

    lines: tuple[Line, ...]
    warnings: tuple[str, ...]
    """What this version of the package cannot do at that size, a sentence each."""

    def value(self, name: str) -> float:
        [found] = [line.value for line in self.lines if line.name == name]
        return found


def needs(config: PipelineConfig, figures: Figures) -> Needs:
    """Everything, from the configuration and the figures."""
    counts = count(config.model, config.tokenizer.max_pieces, config.packing.sequence_length)
    train_share = (100 - config.corpus.eval_percent - config.corpus.test_percent) / 100
    all_tokens = figures.corpus_bytes.value / figures.bytes_per_token.value
    tokens = all_tokens * train_share
    lines = [
        *_data(figures, all_tokens, tokens, train_share),
        *_beam(figures, train_share),
        *_training(config, counts, figures, tokens),
        *_memory(config, counts, figures),
        *_storage(config, counts, figures, all_tokens, tokens),
    ]
    found = Needs(tuple(lines), ())
    return dataclasses.replace(found, warnings=tuple(_warnings(config, figures, found, tokens)))


def activation_bytes_per_row(model: ModelConfig, vocabulary_size: int, length: int) -> float:
    """Kept for the backward pass of one row."""
    width, layers = model.hidden_dim, model.num_layers
    logits = 8.0 * length * vocabulary_size
    if model.family == "lstm":
        return layers * 12.0 * length * width + logits
    per_token = 34.0 + 5.0 * model.num_heads * length / width
    return layers * length * width * per_token + logits


def _data(figures: Figures, all_tokens: float, tokens: float, share: float) -> list[Line]:
    size, rate = figures.corpus_bytes, figures.bytes_per_token
    return [
        Line("data", "text", size.value, "bytes", _bytes(size.value), size.source),
        Line(
            "data", "tokens", all_tokens, "tokens", _count(all_tokens),
            f"{_bytes(size.value)} / {rate.value:.3g} bytes a token ({rate.source})",
        ),
        Line(
            "data", "training tokens D", tokens, "tokens", _count(tokens),
            f"{_count(all_tokens)} x {share:.2g}, one pass over the train split",
        ),
    ]  # fmt: skip


def _beam(figures: Figures, train_share: float) -> list[Line]:
    megabytes = figures.corpus_bytes.value / 1e6
    lines, cores_h = [], 0.0
    for stage in _BEAM_STAGES:
        rate = figures.mb_per_cpu_s[stage]
        hours = megabytes / rate.value / 3600
        cores_h += hours
        lines.append(
            Line(
                "data on Beam", stage, hours, "core hours", f"{hours:,.1f} core hours",
                f"{megabytes:,.0f} MB / {rate.value:.3g} MB per core second / 3600 ({rate.source})",
            )
        )  # fmt: skip
    workers = max(1, math.ceil(cores_h / (figures.data_hours * figures.worker_cores)))
    hours = cores_h / (workers * figures.worker_cores)
    single = figures.mb_per_cpu_s["TokenizerTrainer"]
    alone_h = megabytes * train_share / single.value / 3600
    return [
        *lines,
        Line(
            "data on Beam", "Beam workers", workers, "workers",
            f"{workers:,} of {figures.worker_cores} cores",
            f"{cores_h:,.1f} core hours / ({figures.data_hours:g} h x {figures.worker_cores} cores), "
            "rounded up",
        ),
        Line(
            "data on Beam", "Beam hours", hours, "hours", f"{hours:,.2g} h",
            f"{cores_h:,.1f} core hours / ({workers:,} workers x {figures.worker_cores} cores)",
        ),
        Line(
            "data on Beam", "TokenizerTrainer", alone_h, "hours", f"{alone_h:,.1f} h in one process",
            f"{megabytes:,.0f} MB x {train_share:.2g} / {single.value:.3g} MB per core second / 3600, to "
            f"choose its sample ({single.source})",
        ),
    ]  # fmt: skip


def _training(config: PipelineConfig, counts: Counts, figures: Figures, tokens: float) -> list[Line]:
    flops = 6.0 * counts.parameters * tokens
    counted = counts.training_flops_per_token * tokens
    rate = figures.gpu_peak_flops.value * figures.utilisation.value
    hours = flops / rate / 3600
    step_tokens = config.training.batch_size * config.packing.sequence_length
    return [
        Line(
            "training", "parameters N", counts.parameters, "parameters", f"{counts.parameters:,}",
            f"{config.model.family}, {config.model.num_layers} x {config.model.hidden_dim}, vocabulary "
            f"{config.tokenizer.max_pieces:,}; {counts.non_embedding_parameters:,} outside embeddings",
        ),
        Line(
            "training", "compute C", flops, "FLOPs", f"{flops:.3g} FLOPs",
            f"6 N D = 6 x {counts.parameters:.4g} x {tokens:.4g}",
        ),
        Line(
            "training", "compute, counted", counted, "FLOPs", f"{counted:.3g} FLOPs",
            f"{format_flops(counts.training_flops_per_token)} a token with attention x {tokens:.4g}",
        ),
        Line(
            "training", "tokens per parameter", tokens / counts.parameters, "ratio",
            f"{tokens / counts.parameters:,.3g}",
            "D / N; about 20 has the lowest loss for the compute (arXiv 2203.15556)",
        ),
        Line(
            "training", "GPU hours", hours, "hours", f"{hours:,.0f} h of {figures.gpu}",
            f"C / ({figures.gpu_peak_flops.value / 1e12:g} TFLOP/s x {figures.utilisation.value:g}) / 3600 "
            f"({figures.gpu_peak_flops.source}; utilisation {figures.utilisation.source})",
        ),
        Line(
            "training", "days", hours / figures.num_gpus / 24, "days",
            f"{hours / figures.num_gpus / 24:,.1f} on {figures.num_gpus:,} GPUs",
            f"{hours:,.0f} h / {figures.num_gpus:,} GPUs / 24, if they scale without loss",
        ),
        Line(
            "training", "steps", tokens / step_tokens, "steps", f"{tokens / step_tokens:,.0f}",
            f"D / ({config.training.batch_size} rows x {config.packing.sequence_length:,} tokens)",
        ),
    ]  # fmt: skip


def _memory(config: PipelineConfig, counts: Counts, figures: Figures) -> list[Line]:
    parameters, accumulates = counts.parameters, config.training.gradient_accumulation > 1
    length, vocabulary = config.packing.sequence_length, config.tokenizer.max_pieces
    rows = max(1, math.ceil(config.training.rows_per_part / figures.num_gpus))
    per_parameter = 20 if accumulates else 16
    state = float(per_parameter * parameters)
    per_row = activation_bytes_per_row(config.model, vocabulary, length)
    total = state + rows * per_row
    room = figures.gpu_memory_gb.value * _GB - state
    most = max(0, math.floor(room / per_row))
    accumulated = " + 4 accumulated gradients" if accumulates else ""
    return [
        Line(
            "memory per GPU", "weights, gradients, Adam", state, "bytes", _bytes(state),
            f"(4 weights + 4 gradients + 8 moments{accumulated}) bytes x {parameters:,}",
        ),
        Line(
            "memory per GPU", "activations", rows * per_row, "bytes", _bytes(rows * per_row),
            f"{rows} rows x {_bytes(per_row)} a row, estimated: layers and logits of {length:,} tokens "
            "(arXiv 2205.05198, eq. 1)",
        ),
        Line(
            "memory per GPU", "in all", total, "bytes", _bytes(total),
            f"of {figures.gpu_memory_gb.value:g} GB ({figures.gpu_memory_gb.source}); besides it what XLA "
            "and the allocator take",
        ),
        Line(
            "memory per GPU", "rows that fit", most, "rows", f"{most:,}",
            f"({figures.gpu_memory_gb.value:g} GB - {_bytes(state)}) / {_bytes(per_row)}, rounded down",
        ),
    ]  # fmt: skip


def _storage(
    config: PipelineConfig, counts: Counts, figures: Figures, all_tokens: float, tokens: float
) -> list[Line]:
    documents = figures.corpus_bytes.value * figures.documents_ratio.value
    rows = all_tokens * figures.row_bytes_per_token.value
    token_bytes = 3 if config.tokenizer.max_pieces <= 65_536 else 5
    temporary = tokens * token_bytes
    checkpoints = 12.0 * counts.parameters * KEPT_CHECKPOINTS
    models = 4.0 * counts.parameters * HELD_COPIES
    total = documents + rows + checkpoints + models
    return [
        Line(
            "storage", "documents", documents, "bytes", _bytes(documents),
            f"{_bytes(figures.corpus_bytes.value)} x {figures.documents_ratio.value:.3g} "
            f"({figures.documents_ratio.source})",
        ),
        Line(
            "storage", "rows", rows, "bytes", _bytes(rows),
            f"{_count(all_tokens)} tokens x {figures.row_bytes_per_token.value:.3g} bytes "
            f"({figures.row_bytes_per_token.source})",
        ),
        Line(
            "storage", "checkpoints", checkpoints, "bytes", _bytes(checkpoints),
            f"{KEPT_CHECKPOINTS} (the two newest, the best) x 12 bytes (weights, two moments) x N",
        ),
        Line(
            "storage", "models", models, "bytes", _bytes(models),
            f"{HELD_COPIES} (trained, for a warm start, baseline, pushed) x 4 bytes x N",
        ),
        Line("storage", "artifacts in all", total, "bytes", _bytes(total), "for each run that is kept"),
        Line(
            "storage", "trainer's local disk", temporary, "bytes", _bytes(temporary),
            f"D x {token_bytes} bytes, in the temporary folder of every training process",
        ),
    ]  # fmt: skip


def _warnings(config: PipelineConfig, figures: Figures, found: Needs, tokens: float) -> list[str]:
    warnings = []
    memory = figures.gpu_memory_gb.value * _GB
    if found.value("weights, gradients, Adam") > memory:
        warnings.append(
            f"the model does not fit a {figures.gpu}: every GPU holds all of it, as nothing here divides one"
        )
    elif found.value("in all") > memory:
        warnings.append(
            "the batch does not fit: more GPUs, a larger training.gradient_accumulation, or a shorter "
            "packing.sequence_length"
        )
    stream = tokens * 4 / (config.packing.num_shards * len(config.corpus.sources))
    if stream > 4 * _GB:
        shards = math.ceil(tokens * 4 / (4 * _GB * len(config.corpus.sources)))
        warnings.append(
            f"a packed stream would have {_bytes(stream)} in one Beam worker's memory: packing.num_shards = "
            f"{shards:,} makes it 4 GB where sources are alike in size"
        )
    return warnings


def _bytes(value: float) -> str:
    for unit, size in (("PB", 1e15), ("TB", _TB), ("GB", _GB), ("MB", 1e6), ("kB", 1e3)):
        if value >= size * 0.9995:
            return f"{value / size:.3g} {unit}"
    return f"{value:.0f} bytes"


def _count(value: float) -> str:
    return f"{value:,.0f}" if value < 1e9 else f"{value:.4g}"
