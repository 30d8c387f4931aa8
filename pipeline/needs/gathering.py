"""The figures of a plan: what the command line gives, else what runs measured, else what is stated.

Speeds are taken from the newest run in which a stage worked, on a corpus of `MIN_MEASURED_BYTES` or more:
below, starting is most of what was measured.
"""

from __future__ import annotations

import dataclasses

from apache_beam.io.filesystems import FileSystems

from components.corpus_gen import files, spans
from components.errors import CorpusError
from models.config import ModelConfig
from models.networks import sizes
from models.networks.counts import count
from pipeline import history, run_folder
from pipeline.config import PipelineConfig
from pipeline.data.outputs import DOCUMENTS, LEFT_OUT, ROWS, DataOutputs
from pipeline.errors import ConfigError
from pipeline.needs import figures
from pipeline.needs.figures import Figure, Figures
from pipeline.needs.options import Options

MIN_MEASURED_BYTES = 20_000_000
_GIVEN = "given"
_RUNS_LOOKED_AT = 20
_MEASURED_STAGES = ("CorpusGen", "StatisticsGen", "SequencePacker")


def with_parameters(config: PipelineConfig, parameters: float | None) -> PipelineConfig:
    """The configuration with a model of about so many parameters outside the embeddings.

    The nearest named size if it is within a tenth, else depth = width / 128 as `models.scaling` has it.
    """
    if parameters is None:
        return config
    if config.model.family == "preset":
        raise ConfigError('--parameters: model.family = "preset": the preset decides its size: leave one out')
    shape = _named(config.model.family, parameters) or _computed(config, parameters)
    own = {"size", "intermediate_dim", "num_key_value_heads", "embedding_dim", *sizes.SHAPE_FIELDS}
    kept = config.model.model_dump(exclude=own)
    return config.model_copy(update={"model": ModelConfig.model_validate({**kept, **shape})})


def gather(config: PipelineConfig, options: Options) -> Figures:
    """Everything that the arithmetic needs.

    Raises:
      ConfigError: the corpus' size is not given and its files are not here, or the GPU is not known.
    """
    measured = _Measured.of(config)
    memory = options.gpu_memory_gb or _published_memory(options.gpu)
    return Figures(
        corpus_bytes=_corpus_bytes(config, options),
        bytes_per_token=_first(
            options.bytes_per_token,
            measured.bytes_per_token,
            Figure(figures.STATED_BYTES_PER_TOKEN, figures.STATED_FROM),
        ),
        mb_per_cpu_s={
            stage: _first(
                options.mb_per_core, measured.mb_per_cpu_s.get(stage), Figure(rate, figures.STATED_FROM)
            )
            for stage, rate in figures.STATED_MB_PER_CPU_S.items()
        },
        documents_ratio=measured.documents_ratio
        or Figure(figures.STATED_DOCUMENTS_RATIO, figures.STATED_FROM),
        row_bytes_per_token=measured.row_bytes_per_token
        or Figure(figures.STATED_ROW_BYTES_PER_TOKEN, figures.STATED_FROM),
        gpu=options.gpu,
        gpu_peak_flops=_peak(options.gpu),
        gpu_memory_gb=Figure(memory, _GIVEN if options.gpu_memory_gb else "published"),
        utilisation=_first(
            options.utilisation, None, Figure(figures.UTILISATION, figures.UTILISATION_SOURCE)
        ),
        num_gpus=options.gpus,
        data_hours=options.data_hours,
        worker_cores=options.worker_cores,
    )


@dataclasses.dataclass(frozen=True)
class _Measured:
    """What the newest runs tell."""

    bytes_per_token: Figure | None = None
    documents_ratio: Figure | None = None
    row_bytes_per_token: Figure | None = None
    mb_per_cpu_s: dict[str, Figure] = dataclasses.field(default_factory=dict)

    @classmethod
    def of(cls, config: PipelineConfig) -> _Measured:
        """Of the newest run that has rows; speeds, of the newest in which each stage worked."""
        found = cls()
        speeds: dict[str, Figure] = {}
        for run in history.runs(config)[:_RUNS_LOOKED_AT]:
            outputs = DataOutputs(run.run_id, history.output_uris(config, run.run_id))
            if not outputs.has(ROWS) or not _are_there(outputs):
                continue
            source = f"measured: run {run.run_id}"
            num_bytes = sum(
                amount.num_bytes for s in outputs.corpus.sources.values() for amount in s.kept.values()
            )
            if found.bytes_per_token is None:
                found = _sizes(outputs, num_bytes, source)
            if num_bytes >= MIN_MEASURED_BYTES:
                for stage, cost in run_folder.read(config, run.run_id).costs.items():
                    if stage in _MEASURED_STAGES and cost.cpu_s > 0:
                        speeds.setdefault(stage, Figure(num_bytes / 1e6 / cost.cpu_s, source))
        return dataclasses.replace(found, mb_per_cpu_s=speeds)


def _sizes(outputs: DataOutputs, num_bytes: int, source: str) -> _Measured:
    totals = [outputs.packing.total(split) for split in outputs.packing.splits]
    tokens, packed = sum(total.tokens for total in totals), sum(total.num_bytes for total in totals)
    return _Measured(
        bytes_per_token=Figure(packed / tokens, source),
        documents_ratio=Figure(_stored(outputs.uris[DOCUMENTS]) / num_bytes, source),
        row_bytes_per_token=Figure(_stored(outputs.uris[ROWS]) / tokens, source),
    )


def _are_there(outputs: DataOutputs) -> bool:
    return all(FileSystems.exists(outputs.uris[output]) for output in (DOCUMENTS, LEFT_OUT, ROWS))


def _stored(uri: str) -> int:
    [found] = FileSystems.match([f"{uri}/**"])
    return sum(metadata.size_in_bytes for metadata in found.metadata_list)


def _corpus_bytes(config: PipelineConfig, options: Options) -> Figure:
    if options.corpus_bytes is not None:
        return Figure(options.corpus_bytes, _GIVEN)
    try:
        listed = files.list_files(spans.resolve(config.corpus).corpus)
    except CorpusError as error:
        raise ConfigError(f"{error}; or give --corpus-bytes") from error
    size = sum(file.num_bytes for file in listed)
    return Figure(size, f"{len(listed):,} files below {config.corpus.path}, as they lie there")


def _peak(gpu: str) -> Figure:
    from models.training import peak_flops

    rate = peak_flops.published(gpu, "bfloat16")
    if rate is None:
        known = ", ".join(peak_flops.names())
        raise ConfigError(f"--gpu {gpu}: no published peak of it is known: one of {known}")
    return Figure(rate, f"{gpu} in bfloat16, dense, by its maker")


def _published_memory(gpu: str) -> float:
    if gpu not in figures.GPU_MEMORY_GB:
        raise ConfigError(f"--gpu {gpu}: how much memory it has is not known: give --gpu-memory-gb")
    return figures.GPU_MEMORY_GB[gpu]


def _first(given: float | None, measured: Figure | None, stated: Figure) -> Figure:
    return Figure(given, _GIVEN) if given is not None else measured or stated


def _named(family: str, parameters: float) -> dict[str, object] | None:
    def size_of(shape: dict[str, int]) -> float:
        return count(ModelConfig.model_validate({"family": family, **shape}), 0, 1).non_embedding_parameters

    shapes = sizes.SHAPES[family]
    nearest = min(shapes, key=lambda name: abs(size_of(shapes[name]) - parameters))
    if abs(size_of(shapes[nearest]) - parameters) > 0.1 * parameters:
        return None
    return {"size": nearest, **shapes[nearest]}


def _computed(config: PipelineConfig, parameters: float) -> dict[str, object]:
    """Of the widths that are multiples of 64 and have at most 200 layers, the one that comes nearest."""

    def shape(width: int) -> dict[str, object]:
        depth = 4 if config.model.family == "lstm" else max(1, round(width / 128))
        return {"num_layers": depth, "hidden_dim": width, "num_heads": max(1, width // 64)}

    def distance(width: int) -> float:
        model = ModelConfig.model_validate(
            {**config.model.model_dump(include={"family", "style"}), **shape(width)}
        )
        return abs(count(model, 0, 1).non_embedding_parameters - parameters)

    return shape(min(range(64, 25_601, 64), key=distance))
