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
    chosen = selection(config, places)
    corpus = CorpusGen(chosen)
    documents = corpus.outputs["examples"]

    measures = StatsOptions(feature_allowlist=list(MEASURES))
    statistics = StatisticsGen(examples=documents, stats_options=measures)
    schema = SchemaGen(statistics=statistics.outputs["statistics"])
    validator = ExampleValidator(statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"])

    gate = DataGate(
        statistics.outputs["statistics"],
        validator.outputs["anomalies"],
        config.validation,
        configuration=_fingerprint(chosen),
        base_path=f"{places.root}/accepted_statistics",
    )

    preset = config.model.preset
    start = None
    if config.training.warm_start == "latest":
        start = places.warm_start or WarmStart(base_path=places.model_base_path)
    making = TokenizerTrainerSettings(
        tokenizer=config.tokenizer,
        weights={source.name: source.weight for source in config.corpus.sources},
        preset=PresetTokenizer(preset=preset, sha256=places.preset_sha256) if preset else None,
        warm_start=start.of_tokenizer if start else None,
    )
    tokenizer = TokenizerTrainer(documents, making)
    tokenizer.add_upstream_node(gate)
    packer = SequencePacker(documents, tokenizer.outputs["tokenizer"], config.packing)
    rows = packer.outputs["packed_examples"]

    settings = TrainerSettings(
        model=config.model,
        training=config.training,
        sequence_length=config.packing.sequence_length,
        preset_sha256=places.preset_sha256,
        warm_start=start,
        **_job(config, places),
    )
    trainer = Trainer(rows, tokenizer.outputs["tokenizer"], settings, f"{places.root}/checkpoints")
    model = trainer.outputs["model"]

    baseline = BaselineFinder(model, places.model_base_path)
    evaluator = Evaluator(rows, model, baseline.outputs["baseline"], config.evaluation)
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
    data = (corpus, statistics, schema, validator, gate, tokenizer, packer)
    return (*data, trainer, baseline, evaluator, *tasks, serving, pusher)


def _job(config: PipelineConfig, places: Places) -> dict[str, Any]:
    """The Trainer's settings where a cluster's machines train; on this machine they do not."""
    job = config.training_job
    if not job.workers or places.metadata is not None:
        return {}
    return {"job": job, "job_image": job.image or config.kubeflow.image, "pipeline": config.name}


def selection(config: PipelineConfig, places: Places) -> CorpusGenSettings:
    """What decides which documents there are."""
    return CorpusGenSettings(
        corpus=config.corpus.model_copy(update={"path": places.corpus_path}),
        cleaning=config.cleaning,
        quality=config.quality,
        duplicates=config.duplicates,
        decontamination=config.decontamination,
    )


def _fingerprint(chosen: CorpusGenSettings) -> str:
    """Of what decides which documents there are, but for where they lie: new data in another folder is
    to be like the old."""
    elsewhere = chosen.corpus.model_copy(update={"path": "", "sample": None})
    text = chosen.model_copy(update={"corpus": elsewhere}).model_dump_json()
    return hashlib.sha256(text.encode()).hexdigest()
