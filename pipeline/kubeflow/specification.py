"""A compiled pipeline's specification, and what each stage gets written into it.

TFX's compiler writes no environment, retries or platform settings, resources only as it is given
them, and caching for all stages or none. Here they are written after it, as the messages of
Kubeflow's own schema (``kfp-pipeline-spec``), so that a field that does not exist cannot be written. Node
selectors, tolerations, volumes and time limits are Kubernetes' and have a second document,
``platforms.kubernetes``, by executor; its content is ``KubernetesExecutorConfig`` of ``kfp-kubernetes``.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from components import kubernetes
from pipeline.kubeflow.settings import KubeflowStage, StageTable, VertexStage

_KUBERNETES = "kubernetes"
_RETRY_PERIODS_S = {KubeflowStage: 10 * 365 * 24 * 3600, VertexStage: 3600}
"""``backoffMaxDuration``. The open-source backend hands it to Argo Workflows, which counts it from the first
attempt's start: after that, a failed stage is not tried again, and a retry that runs is ended. So there it
is as good as endless, where the SDK's hour would take a long training's retries away (Kubeflow Pipelines,
issue 14245). Vertex AI means the longest wait between two attempts, an hour at most."""


@dataclasses.dataclass(frozen=True)
class Specification:
    """The two documents of a compiled pipeline."""

    pipeline: Any
    """``PipelineSpec``, but for its ``deployment_spec``."""
    deployment: Any
    """``PipelineDeploymentConfig``, which the pipeline's own field holds without its type."""
    platform: Any
    """``PlatformSpec``."""

    @classmethod
    def of_job(cls, job: dict[str, Any]) -> Specification:
        """From a ``PipelineJob`` in JSON, as TFX's runner gives it."""
        pipeline = json_format.ParseDict(job["pipelineSpec"], pipeline_spec_pb2.PipelineSpec())
        deployment = json_format.ParseDict(
            json_format.MessageToDict(pipeline.deployment_spec), pipeline_spec_pb2.PipelineDeploymentConfig()
        )
        pipeline.ClearField("deployment_spec")
        return cls(pipeline, deployment, pipeline_spec_pb2.PlatformSpec())

    def stages(self) -> list[str]:
        return sorted(self.pipeline.root.dag.tasks)

    def container(self, stage: str) -> Any:
        """A stage's ``PipelineContainerSpec``."""
        return self.deployment.executors[self._label(stage)].container

    def give(self, stage: str, settings: StageTable, caching: bool) -> None:
        """Writes what a stage gets."""
        task, container = self.pipeline.root.dag.tasks[stage], self.container(stage)
        task.caching_options.enable_cache = caching
        if settings.retries:
            task.retry_policy.max_retry_count = settings.retries
            task.retry_policy.backoff_duration.seconds = settings.retry_wait_s
            task.retry_policy.backoff_factor = 2.0
            task.retry_policy.backoff_max_duration.seconds = _RETRY_PERIODS_S[type(settings)]
        for name, value in sorted(settings.environment.items()):
            container.env.add(name=name, value=value)
        _write_resources(container.resources, settings)
        if not container.resources.ByteSize():
            container.ClearField("resources")
        of_pod = _kubernetes(settings) if isinstance(settings, KubeflowStage) else {}
        if of_pod:
            executors = self.platform.platforms[_KUBERNETES].deployment_spec.executors
            executors[self._label(stage)].update(of_pod)

    def add_text(self, stage: str, name: str, value: str) -> None:
        """One more parameter of a stage, and so a part of its cache's key."""
        task = self.pipeline.root.dag.tasks[stage]
        component = self.pipeline.components[task.component_ref.name]
        kind = pipeline_spec_pb2.ParameterType.STRING
        component.input_definitions.parameters[name].parameter_type = kind
        task.inputs.parameters[name].runtime_value.constant.string_value = value

    def yaml(self, heading: str) -> str:
        """Both documents; the second only where it says something. ``heading`` becomes comments."""
        pipeline = json_format.MessageToDict(self.pipeline)
        pipeline["deploymentSpec"] = json_format.MessageToDict(self.deployment)
        documents = [pipeline]
        if self.platform.platforms:
            documents.append(json_format.MessageToDict(self.platform))
        comments = "".join(f"# {line}\n" for line in heading.splitlines())
        return comments + yaml.safe_dump_all(documents, sort_keys=True, allow_unicode=True)

    def _label(self, stage: str) -> str:
        component = self.pipeline.root.dag.tasks[stage].component_ref.name
        label: str = self.pipeline.components[component].executor_label
        return label


def _write_resources(resources: Any, settings: StageTable) -> None:
    """Limits choose the machine on Vertex AI, whose documentation knows no requests."""
    kinds = ("limit", "request") if isinstance(settings, KubeflowStage) else ("limit",)
    for kind in kinds:
        if settings.cpu is not None:
            setattr(resources, f"cpu_{kind}", settings.cpu)
        if settings.memory_gb is not None:
            setattr(resources, f"memory_{kind}", settings.memory_gb)
    if settings.gpus:
        resources.accelerator.type = settings.gpu_type
        resources.accelerator.count = settings.gpus


def _kubernetes(settings: KubeflowStage) -> dict[str, Any]:
    """``KubernetesExecutorConfig`` in JSON."""
    found: dict[str, Any] = {}
    if settings.node_selector:
        found["nodeSelector"] = {"labels": dict(settings.node_selector)}
    if settings.tolerations:
        found["tolerations"] = [each.written() for each in settings.tolerations]
    if settings.gpus > 1:
        found["emptyDirMounts"] = [
            {
                "volumeName": kubernetes.SHARED_MEMORY,
                "mountPath": kubernetes.SHARED_MEMORY_FOLDER,
                "medium": "Memory",
            }
        ]
    if settings.volumes:
        found["pvcMount"] = [
            {"constant": claim, "mountPath": folder} for folder, claim in sorted(settings.volumes.items())
        ]
    if settings.timeout_s:
        found["activeDeadlineSeconds"] = str(settings.timeout_s)
    return found
