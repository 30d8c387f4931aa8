"""The same pipeline as a Kubeflow Pipelines v2 specification.

The open-source backend takes schema 2.1.0 only, as YAML. Where artifacts, corpus and
pushed models lie comes from the ``kubeflow`` table; its metadata store is its own.
"""

from __future__ import annotations

from pathlib import Path

from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner

from pipeline import beam_options
from pipeline.config import PipelineConfig
from pipeline.graph import Places, create_pipeline
from pipeline.kubeflow.settings import KubeflowConfig

RUN = ["python", "-m", "tfx.orchestration.kubeflow.v2.container.kubeflow_v2_run_executor"]


def compile_to(config: PipelineConfig, output: str, target: object = None) -> None:
    """Writes the specification to ``output``, a YAML file."""
    kubeflow = config.kubeflow
    places = Places(
        root=f"{kubeflow.pipeline_root}/{config.name}",
        corpus_path=kubeflow.corpus_path or config.corpus.path,
        model_base_path=f"{kubeflow.serving_dir}/{config.name}",
        beam_options=beam_options.local(config.beam),
    )
    pipeline = create_pipeline(config, places)
    for stage in pipeline.components:
        if stage.id == "Trainer":
            stage.with_platform_config(_trainer_resources(kubeflow))
    runner = kubeflow_v2_dag_runner.KubeflowV2DagRunner(
        config=kubeflow_v2_dag_runner.KubeflowV2DagRunnerConfig(
            display_name=config.name,
            default_image=kubeflow.image,
            default_commands=RUN,
            use_pipeline_spec_2_1=True,
        ),
        output_dir=str(Path(output).resolve().parent),
        output_filename=Path(output).name,
    )
    runner.run(pipeline, write_out=True)


def _trainer_resources(
    kubeflow: KubeflowConfig,
) -> pipeline_spec_pb2.PipelineDeploymentConfig.PipelineContainerSpec.ResourceSpec:
    specification = pipeline_spec_pb2.PipelineDeploymentConfig.PipelineContainerSpec.ResourceSpec
    resources = specification(cpu_limit=kubeflow.trainer_cpu, memory_limit=kubeflow.trainer_memory_gb)
    if kubeflow.trainer_gpus:
        resources.accelerator.type = kubeflow.gpu_type
        resources.accelerator.count = kubeflow.trainer_gpus
    return resources
