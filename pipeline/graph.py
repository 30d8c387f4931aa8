"""The pipeline, stage by stage: text in, a served model out.

`create_pipeline` is the same for every place it runs; where artifacts lie and how Beam
runs are arguments (`Places`), so a runner differs from another by data only.
"""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

from tensorflow_data_validation import StatsOptions
from tfx.components import ExampleValidator, SchemaGen, StatisticsGen
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.orchestration.pipeline import Pipeline

from components import mixture
from components.baseline_finder.component import BaselineFinder
from components.config import PresetTokenizer, WarmStart
from components.corpus_gen.component import CorpusGen
from components.corpus_gen.settings import CorpusGenSettings
from components.data_gate.component import DataGate
from components.documents import MEASURES
from components.evaluator.component import Evaluator
from components.pusher.component import Pusher
from components.sequence_packer.component import SequencePacker
from components.serving_validator.component import ServingValidator
from components.task_evaluator.component import TaskEvaluator
from components.tokenizer_trainer.component import TokenizerTrainer
from components.tokenizer_trainer.settings import TokenizerTrainerSettings
from components.trainer.component import Trainer
from components.trainer.settings import TrainerSettings
from pipeline.config import PipelineConfig


@dataclasses.dataclass(frozen=True)
class Places:
    """What differs between one place to run and another."""

    root: str
    """Folder of the artifacts."""
    corpus_path: str
    model_base_path: str
    beam_options: tuple[str, ...]
    statistics_beam_options: tuple[str, ...] = ()
    """Of StatisticsGen, after those."""
    preset_sha256: str | None = None
    """Of the preset's files, where the model starts from one and they are at hand."""
    warm_start: WarmStart | None = None
    """Where training starts from a pushed model, which one; None: found when the stage runs."""
    metadata: Any = None
    """ML Metadata's ``ConnectionConfig``; None where the orchestrator has its own."""


def create_pipeline(config: PipelineConfig, places: Places) -> Pipeline:
    """The TFX pipeline of a configuration."""
    stages = create_stages(config, places)
    return Pipeline(
        pipeline_name=config.name,
        pipeline_root=places.root,
        components=list(stages),
        enable_cache=True,
        metadata_connection_config=places.metadata,
        beam_pipeline_args=list(places.beam_options),
    )


def create_stages(config: PipelineConfig, places: Places) -> tuple[BaseComponent, ...]:
    """The stages, in the order in which they run."""
    reading = _reading_stages(config, places)
    corpus, *_, gate = reading
    documents = corpus.outputs["examples"]
    start = None
    if config.training.warm_start == "latest":
        start = places.warm_start or WarmStart(base_path=places.model_base_path)

    tokenizer = TokenizerTrainer(documents, _tokenizer_settings(config, places, start))
    tokenizer.add_upstream_node(gate)
    mixed = mixture.of(config.mixture, config.corpus.sources)
    packer = SequencePacker(
        documents, tokenizer.outputs["tokenizer"], config.packing, None if mixed.is_plain else mixed
    )
    rows = packer.outputs["packed_examples"]
    trainer = Trainer(
        rows,
        tokenizer.outputs["tokenizer"],
        _trainer_settings(config, places, start),
        f"{places.root}/checkpoints",
    )
    model = trainer.outputs["model"]

    baseline = BaselineFinder(model, places.model_base_path)
    evaluator = Evaluator(
        rows, model, baseline.outputs["baseline"], trainer.outputs["model_run"], config.evaluation
    )
    serving = ServingValidator(model, config.name)
    tasks = (TaskEvaluator(model, documents, config.tasks),) if config.tasks.evaluate else ()
    pusher = Pusher(
        model,
        evaluator.outputs["evaluation"],
        evaluator.outputs["blessing"],
        serving.outputs["blessing"],
        places.model_base_path,
        *(stage.outputs["blessing"] for stage in tasks),
    )
    return (*reading, tokenizer, packer, trainer, baseline, evaluator, *tasks, serving, pusher)


def _reading_stages(config: PipelineConfig, places: Places) -> tuple[BaseComponent, ...]:
    """The corpus first; last the gate, which stops the run when the documents are not as expected."""
    chosen = selection(config, places)
    corpus = CorpusGen(chosen)
    measures = StatsOptions(feature_allowlist=list(MEASURES))
    statistics = StatisticsGen(examples=corpus.outputs["examples"], stats_options=measures)
    if places.statistics_beam_options:
        statistics.with_beam_pipeline_args(list(places.statistics_beam_options))
    schema = SchemaGen(statistics=statistics.outputs["statistics"])
    validator = ExampleValidator(statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"])
    gate = DataGate(
        statistics.outputs["statistics"],
        validator.outputs["anomalies"],
        config.validation,
        configuration=_fingerprint(chosen),
        base_path=f"{places.root}/accepted_statistics",
    )
    return corpus, statistics, schema, validator, gate


def _tokenizer_settings(
    config: PipelineConfig, places: Places, start: WarmStart | None
) -> TokenizerTrainerSettings:
    preset = config.model.preset
    return TokenizerTrainerSettings(
        tokenizer=config.tokenizer,
        weights={source.name: source.weight for source in config.corpus.sources},
        preset=PresetTokenizer(preset=preset, sha256=places.preset_sha256) if preset else None,
        warm_start=start.of_tokenizer if start else None,
    )


def _trainer_settings(config: PipelineConfig, places: Places, start: WarmStart | None) -> TrainerSettings:
    return TrainerSettings(
        model=config.model,
        training=config.training,
        sequence_length=config.packing.sequence_length,
        attention=config.packing.attention,
        preset_sha256=places.preset_sha256,
        warm_start=start,
        **_job(config, places),
    )


def _job(config: PipelineConfig, places: Places) -> dict[str, Any]:
    """The Trainer's settings where a cluster's machines train; on this machine they do not."""
    job = config.training_job
    if not job.workers or places.metadata is not None:
        return {}
    return {"job": job, "job_image": job.image or config.kubeflow.image, "pipeline": config.name}


def selection(config: PipelineConfig, places: Places) -> CorpusGenSettings:
    """What decides which documents there are; what is asked as a task is kept out of the training text."""
    tasks = tuple(file for task in config.tasks.evaluate for file in task.files())
    against = (*config.decontamination.against, *tasks)
    return CorpusGenSettings(
        corpus=config.corpus.model_copy(update={"path": places.corpus_path}),
        cleaning=config.cleaning,
        quality=config.quality,
        duplicates=config.duplicates,
        decontamination=config.decontamination.model_copy(update={"against": against}),
    )


def _fingerprint(chosen: CorpusGenSettings) -> str:
    """Of what decides which documents there are, but for where they lie: new data in another folder is
    to be like the old."""
    elsewhere = chosen.corpus.model_copy(update={"path": "", "sample": None})
    text = chosen.model_copy(update={"corpus": elsewhere}).model_dump_json()
    return hashlib.sha256(text.encode()).hexdigest()
