"""The same pipeline as a Kubeflow Pipelines v2 specification, for Kubeflow or for Vertex AI.

The open-source backend takes schema 2.1.0 only, as YAML; Vertex AI takes it, too. Where artifacts, corpus and
pushed models lie, and what each stage gets, comes from the target's table; its metadata store is its own.
Every stage starts by `pipeline.kubeflow.container`.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from tfx.components.example_gen import utils as example_gen_utils
from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner
from tfx.version import __version__ as tfx_version

from components.corpus_gen.component import corpus_state
from pipeline import beam_options
from pipeline.errors import ConfigError
from pipeline.graph import Places, create_pipeline, selection
from pipeline.kubeflow import targets
from pipeline.kubeflow.specification import Specification
from pipeline.kubeflow.target import Target

if TYPE_CHECKING:
    from pipeline.config import PipelineConfig

RUN = ("python", "-m", "pipeline.kubeflow.container")
UNCACHED = ("CorpusGen", "Pusher")
"""Unless asked for: what they depend on is no input that the target knows."""


def compile_to(config: PipelineConfig, output: str, target: Target = Target.KUBEFLOW) -> None:
    """Writes the specification to ``output``, a YAML file.

    Raises:
      ConfigError: the configuration says what the target would ignore, or cannot do.
    """
    Path(output).write_text(compile_text(config, target), encoding="utf-8")


def compile_text(config: PipelineConfig, target: Target) -> str:
    """The specification as YAML.

    Raises:
      ConfigError: as `compile_to`.
    """
    problems = targets.problems(config, target)
    if problems:
        raise ConfigError("\n".join(problems))
    settings, places = targets.table(config, target), _places(config, target)
    specification = _compiled(config, places, settings.image)
    # The launcher's own default is its MinIO, which TFX cannot write to.
    specification.pipeline.default_pipeline_root = places.root
    # TFX's own driver for a file-based ExampleGen, which knows neither our sources nor our spans; and the
    # open-source backend does not call it.
    specification.container("CorpusGen").ClearField("lifecycle")
    for stage in specification.stages():
        given = settings.stage(stage)
        cached = given.caching if given.caching is not None else stage not in UNCACHED
        specification.give(stage, given, cached)
        if cached and stage == "CorpusGen":
            state = corpus_state(selection(config, places)).fingerprint
            specification.add_text(stage, example_gen_utils.FINGERPRINT_PROPERTY_NAME, state)
    name = {Target.KUBEFLOW: "Kubeflow Pipelines", Target.VERTEX: "Vertex AI Pipelines"}[target]
    return specification.yaml(f"{config.name}, for {name}\ncompiled by lexmill with TFX {tfx_version}")


def data_state(config: PipelineConfig, target: Target) -> str:
    """What a run that starts now would read, as 16 hexadecimal digits: they change with the corpus' files, of
    the latest span where the sources' patterns have one.

    Raises:
      CorpusError: the corpus is not there, or its latest spans differ.
    """
    fingerprint = corpus_state(selection(config, _places(config, target))).fingerprint
    return hashlib.sha256(fingerprint.encode()).hexdigest()[:16]


def _places(config: PipelineConfig, target: Target) -> Places:
    settings = targets.table(config, target)
    return Places(
        root=f"{settings.pipeline_root}/{config.name}",
        corpus_path=settings.corpus_path or config.corpus.path,
        model_base_path=f"{settings.serving_dir}/{config.name}",
        beam_options=beam_options.local(config.beam),
    )


def _compiled(config: PipelineConfig, places: Places, image: str) -> Specification:
    runner = kubeflow_v2_dag_runner.KubeflowV2DagRunner(
        config=kubeflow_v2_dag_runner.KubeflowV2DagRunnerConfig(
            display_name=config.name,
            default_image=image,
            default_commands=list(RUN),
            use_pipeline_spec_2_1=True,
        )
    )
    return Specification.of_job(runner.run(create_pipeline(config, places), write_out=False))
