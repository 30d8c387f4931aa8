"""The configuration of a pipeline: one typed, frozen tree, read from one TOML file.

Each table's fields, defaults, units and reasons are documented where the table is
declared: `models.config` for the model and its training, `components.config` for the
stages, `serving.tensorflow_serving.config` for the stock server, this module for what
concerns the whole. `load` is the only way in; it names file, field, value, rule and the
nearest valid name when something is wrong.
"""

from __future__ import annotations

import difflib
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, field_validator, model_validator

from components import mixture
from components.config import CorpusConfig, PackingConfig, TokenizerConfig
from components.corpus_gen.cleaning.settings import CleaningConfig, QualityConfig
from components.corpus_gen.duplicates.settings import DecontaminationConfig, DuplicatesConfig
from components.data_gate.settings import ValidationConfig
from components.evaluator.settings import EvaluationConfig
from components.mixture import MixtureConfig
from components.task_evaluator.config import TasksConfig
from components.task_evaluator.tasks import catalog
from components.training_job.settings import TrainingJobConfig
from models.config import ModelConfig, Settings, TrainingConfig
from models.networks import sizes
from pipeline import beam_options
from pipeline.beam_options import BeamConfig
from pipeline.errors import ConfigError
from pipeline.kubeflow.settings import KubeflowConfig, VertexConfig
from pipeline.ladder.settings import LadderConfig
from pipeline.metadata.settings import MetadataConfig
from pipeline.stack import toml_loads
from serving.tensorflow_serving.config import ServingConfig

SAMPLES = Path(__file__).parent / "configs"


class OutputConfig(Settings):
    """Where results go."""

    root: str = "build"
    """Folder of this machine for artifacts, metadata and logs, one sub-folder a pipeline."""
    serving_dir: str = "serving_models"
    """Folder to which versions are pushed, as ``<serving_dir>/<name>/<version>``: what a
    TensorFlow Serving base path points at."""

    @field_validator("root")
    @classmethod
    def _of_this_machine(cls, root: str) -> str:
        if "://" in root:
            raise ValueError(
                "artifacts of a run on this machine lie on it: give a folder; 'lexmill compile' and 'submit' "
                "keep them in object storage"
            )
        return root


class PipelineConfig(Settings):
    """Everything that a run depends on."""

    name: str = Field(pattern=r"^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$")
    """Names the pipeline, its folder and the served model."""
    corpus: CorpusConfig
    cleaning: CleaningConfig = CleaningConfig()
    quality: QualityConfig = QualityConfig()
    validation: ValidationConfig = ValidationConfig()
    duplicates: DuplicatesConfig = DuplicatesConfig()
    decontamination: DecontaminationConfig = DecontaminationConfig()
    tokenizer: TokenizerConfig = TokenizerConfig()
    packing: PackingConfig = PackingConfig()
    mixture: MixtureConfig = MixtureConfig()
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    tasks: TasksConfig = TasksConfig()
    ladder: LadderConfig = LadderConfig()
    output: OutputConfig = OutputConfig()
    metadata: MetadataConfig = MetadataConfig()
    beam: BeamConfig = BeamConfig()
    kubeflow: KubeflowConfig = KubeflowConfig()
    training_job: TrainingJobConfig = TrainingJobConfig()
    vertex: VertexConfig = VertexConfig()
    serving: ServingConfig = ServingConfig()

    @model_validator(mode="before")
    @classmethod
    def _beam_workers_run_the_stages_image(cls, values: Any) -> Any:
        beam = values.get("beam") if isinstance(values, dict) else None
        if not isinstance(beam, dict) or beam.get("runner", "FnApiRunner") == "FnApiRunner":
            return values
        kubeflow = values.get("kubeflow")
        image = kubeflow.get("image") if isinstance(kubeflow, dict) else None
        given = {"worker_image": image or KubeflowConfig().image} if not beam.get("worker_pool") else {}
        return {**values, "beam": {**given, **beam}}

    @model_validator(mode="after")
    def _splits_leave_text_to_train_on(self) -> PipelineConfig:
        held_out = self.corpus.eval_percent + self.corpus.test_percent
        if held_out > 50:
            raise ValueError(
                f"corpus.eval_percent + corpus.test_percent = {held_out}: at most 50 leave enough to train on"
            )
        return self

    @model_validator(mode="after")
    def _tasks_ask_only_what_was_held_out(self) -> PipelineConfig:
        for task in self.tasks.evaluate:
            asked, held_out = getattr(task, "test_percent", 0), self.corpus.test_percent
            if asked > held_out and self.corpus.sample in (*task.samples(), "mixture"):
                raise ValueError(
                    f"tasks.evaluate: {task.label}: test_percent = {asked} would ask what the model is "
                    f"trained on: set at most corpus.test_percent = {held_out}"
                )
        return self

    @model_validator(mode="after")
    def _a_preset_brings_its_tokenizer(self) -> PipelineConfig:
        if self.model.family == "preset" and self.tokenizer != TokenizerConfig():
            raise ValueError('tokenizer: model.family = "preset" brings its own: remove this table')
        return self

    @model_validator(mode="after")
    def _workers_divide_the_batch(self) -> PipelineConfig:
        workers, rows = self.training_job.workers, self.training.rows_per_part
        if workers and rows % workers:
            raise ValueError(
                f"training_job.workers = {workers} does not divide the {rows} rows that are worked on at "
                "once (training.batch_size / training.gradient_accumulation): choose a multiple"
            )
        return self

    @model_validator(mode="after")
    def _a_preset_sees_whole_rows(self) -> PipelineConfig:
        if self.model.family == "preset" and self.packing.attention == "document":
            raise ValueError(
                'packing.attention = "document" needs a network that is built here: KerasHub\'s presets see '
                'whole rows; set "row", or another model.family'
            )
        return self

    @model_validator(mode="after")
    def _a_preset_is_where_training_starts(self) -> PipelineConfig:
        if self.model.family == "preset" and self.training.warm_start != "none":
            raise ValueError('training.warm_start: model.family = "preset" starts from the preset: remove it')
        return self

    @model_validator(mode="after")
    def _weights_suit_the_mixture(self) -> PipelineConfig:
        found = mixture.problems(self.mixture, self.corpus.sources)
        if found:
            raise ValueError(f"mixture: {found[0]}")
        return self

    @property
    def root(self) -> str:
        """Folder of this pipeline's artifacts, metadata and logs."""
        return f"{self.output.root}/{self.name}"

    @property
    def model_base_path(self) -> str:
        """Folder that holds the pushed versions."""
        return f"{self.output.serving_dir}/{self.name}"

    @property
    def absolute_model_base_path(self) -> str:
        """The same, for another process: absolute where it is a folder of this machine."""
        path = self.model_base_path
        return path if "://" in path else str(Path(path).resolve())


def load(config: str, overrides: Sequence[str] = ()) -> PipelineConfig:
    """Reads a configuration.

    Args:
      config: path of a TOML file, or the name of a shipped sample (``shakespeare``).
      overrides: ``table.field=value`` each, the value in TOML, or else taken as a string. A
        ``model.size`` among them takes the place of the shape that the file gives.

    Raises:
      ConfigError: the file is missing or is not TOML, or a field is unknown or against its rule.
    """
    path = find(config)
    try:
        values = toml_loads(path.read_text(encoding="utf-8"))
    except (ValueError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error
    if any(override.partition("=")[0].strip() == "model.size" for override in overrides):
        values["model"] = _without_shape(values.get("model"))
    for override in overrides:
        _apply(values, override)
    try:
        loaded = PipelineConfig.model_validate(values)
    except ValidationError as error:
        raise ConfigError("\n".join(_explain(path, problem) for problem in error.errors())) from error
    problems = beam_options.problems(loaded.beam)
    if problems:
        raise ConfigError("\n".join(f"{path}: beam.options: {problem}" for problem in problems))
    return loaded


def find(config: str) -> Path:
    """The file that ``config`` names: a path, or a shipped sample's name."""
    path = Path(config)
    if path.is_file():
        return path
    sample = SAMPLES / f"{config}.toml"
    if sample.is_file():
        return sample
    names = ", ".join(sample_names())
    raise ConfigError(
        f"{config}: no such configuration file: give the path of a TOML file, or one of the samples {names}"
    )


def sample_names() -> list[str]:
    return sorted(path.stem for path in SAMPLES.glob("*.toml"))


def _apply(values: dict[str, Any], override: str) -> None:
    name, equals, text = override.partition("=")
    *tables, field = name.strip().split(".")
    if not equals or not all([*tables, field]):
        raise ConfigError(f"--set {override}: expected table.field=value, for example model.num_layers=6")
    for table in tables:
        values = values.setdefault(table, {})
        if not isinstance(values, dict):
            raise ConfigError(f"--set {override}: {table} is a value, not a table")
    try:
        values[field] = toml_loads(f"value = {text}")["value"]
    except ValueError:
        values[field] = text


def _without_shape(model: Any) -> Any:
    if not isinstance(model, dict):
        return model or {}
    return {field: value for field, value in model.items() if field not in sizes.SHAPE_FIELDS}


def _explain(path: Path, problem: Any) -> str:
    location = tuple(problem["loc"])
    field = ".".join(str(part) for part in location) or "configuration"
    if problem["type"] == "extra_forbidden":
        return f"{path}: {field}: no such field{_nearest(location)}"
    if problem["type"] == "missing":
        return f"{path}: {field}: missing: this field has no default"
    rule = problem["msg"].removeprefix("Value error, ")
    if isinstance(problem["input"], dict):
        return f"{path}: {field}: {rule}"
    return f"{path}: {field} = {problem['input']!r}: {rule}"


def _nearest(location: tuple[Any, ...]) -> str:
    model: Any = PipelineConfig
    for part in location[:-1]:
        if part in catalog.tasks():
            model = catalog.tasks()[part]
            continue
        if part not in getattr(model, "model_fields", {}):  # An element's index, or a dictionary's key.
            continue
        annotation = model.model_fields[part].annotation
        inner = typing.get_args(annotation)
        if inner:
            annotation = inner[1] if typing.get_origin(annotation) is dict else inner[0]
        model = annotation
    names = list(model.model_fields)
    close = difflib.get_close_matches(str(location[-1]), names, n=1)
    return f": did you mean {close[0]}?" if close else f": the fields here are {', '.join(names)}"
