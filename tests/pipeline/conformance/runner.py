"""Runs a compiled pipeline as Kubeflow Pipelines' driver and launcher do, from the specification alone.

What they do was read in kubeflow/pipelines at 7b70c7b (August 2026): ``backend/src/v2/driver`` (inputs,
their types, output URIs, the launcher's own output ``executor-logs``), ``component/launcher_v2.go`` (inputs
copied to local disk, placeholders, the command run, outputs read back from its metadata file),
``objectstore/object_store.go`` (copying) and ``compiler/argocompiler`` (a task waits for its
``dependentTasks``, and for nothing else; retries).

A container is a fresh process here: no environment but the image's and the specification's, a working
directory, home and temporary folder of its own, and, where the system lets a process have its own mounts
(`ISOLATED`), an empty ``/tmp`` and, of the checkout, the packages alone: no tests, no data, no history. Files
elsewhere on the machine can be read, as what is installed must be. Nothing is known of caching, and no MLMD
server is there.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import itertools
import json
import shutil
import subprocess
import sys
import threading
import uuid
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2 as spec

Parameter = spec.ParameterType
_KINDS = {
    Parameter.STRING: "string_value", Parameter.NUMBER_INTEGER: "number_value",
    Parameter.NUMBER_DOUBLE: "number_value", Parameter.BOOLEAN: "bool_value",
    Parameter.LIST: "list_value", Parameter.STRUCT: "struct_value",
}  # fmt: skip
_MOUNT = "/mnt"
_ROOT = Path(__file__).parents[3]
_INSTALLED = [path for path in dict.fromkeys((_ROOT, Path(sys.prefix))) if path.is_relative_to("/tmp")]
"""What the image holds, where it lies in the ``/tmp`` that is to be empty."""
_KEEP = "".join(
    f' && mkdir -p "/media{path.as_posix().removeprefix("/tmp")}"'
    f' && mount --rbind "{path}" "/media{path.as_posix().removeprefix("/tmp")}"'
    for path in _INSTALLED
)
_IN_IMAGE = ("components", "models", "pipeline", "serving")
_HIDE = "".join(
    f' && {{ [ ! -e "{path}" ] || mount {"-t tmpfs none" if path.is_dir() else "-B /dev/null"} "{path}"; }}'
    for path in sorted(_ROOT.iterdir())
    if path.name not in _IN_IMAGE and not Path(sys.prefix).is_relative_to(path)
)
"""Of the checkout, what the Dockerfile does not copy."""
_ISOLATE = (
    f'mount --bind "$1" {_MOUNT}{_HIDE} && mount -t tmpfs none /media{_KEEP} && mount --rbind /media /tmp'
    f' && cd {_MOUNT}/work && shift && exec "$@"'
)
ISOLATED = (
    shutil.which("unshare") is not None
    and subprocess.run(
        ["unshare", "-rm", "sh", "-c", "mount -t tmpfs none /tmp"], capture_output=True
    ).returncode
    == 0
)
"""Whether a container's ``/tmp`` is its own, and the checkout is hidden."""


class Bucket(Protocol):
    """What the launcher does with object storage."""

    def names(self, bucket: str, prefix: str = "") -> list[str]: ...

    def read(self, bucket: str, name: str) -> bytes: ...


class TaskFailed(Exception):
    """A task's container ended with an error, or its inputs could not be had."""


@dataclasses.dataclass(frozen=True)
class Image:
    """What a container image brings."""

    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)
    files: Mapping[str, bytes] = dataclasses.field(default_factory=dict)
    """By name, in the folder that ``{files}`` stands for in ``environment``."""


@dataclasses.dataclass(frozen=True)
class Task:
    name: str
    specification: Any
    component: Any
    container: Any


class Run:
    """One run of a pipeline."""

    def __init__(self, text: str, bucket: Bucket, image: Image, scratch: Path, run_id: str = "run-1") -> None:
        documents = list(yaml.safe_load_all(text))
        pipeline = json_format.ParseDict(documents[0], spec.PipelineSpec())
        deployment = json_format.ParseDict(documents[0]["deploymentSpec"], spec.PipelineDeploymentConfig())
        if pipeline.schema_version != "2.1.0":
            raise ValueError(f"schema {pipeline.schema_version}: the backend takes 2.1.0")
        self._tasks = [
            Task(name, task, component := pipeline.components[task.component_ref.name],
                 deployment.executors[component.executor_label].container)
            for name, task in sorted(pipeline.root.dag.tasks.items())
        ]  # fmt: skip
        root = pipeline.default_pipeline_root.rstrip("/")
        self._root = f"{root}/{pipeline.pipeline_info.name}/{run_id}"
        self._bucket, self._image, self._scratch = bucket, image, scratch
        self._outputs: dict[tuple[str, str], Any] = {}
        self._ids, self._lock = itertools.count(1), threading.Lock()
        self.logs: dict[str, str] = {}
        """By task."""

    def run(self, at_a_time: int = 2) -> None:
        """Runs every task when those that it names have ended.

        Raises:
          TaskFailed: the first one that did.
        """
        waiting = {task.name: task for task in self._tasks}
        ended: set[str] = set()
        with concurrent.futures.ThreadPoolExecutor(at_a_time) as pool:
            running: dict[concurrent.futures.Future[None], str] = {}
            while waiting or running:
                ready = [t for t in waiting.values() if ended.issuperset(t.specification.dependent_tasks)]
                for task in ready[: at_a_time - len(running)]:
                    running[pool.submit(self._run, waiting.pop(task.name))] = task.name
                if not running:
                    raise TaskFailed(f"{', '.join(waiting)}: wait for tasks that never end")
                done, _ = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
                for future in done:
                    ended.add(running.pop(future))
                    future.result()

    def output_uri(self, task: str, name: str) -> str:
        uri: str = self._outputs[task, name].uri
        return uri

    def _run(self, task: Task) -> None:
        invocation = self._resolve(task)
        retries = task.specification.retry_policy.max_retry_count
        for attempt in range(retries + 1):
            folder = self._scratch / f"{task.name}-{attempt}"
            status = self._launch(task, invocation, folder)
            if status == 0:
                break
        else:
            raise TaskFailed(f"{task.name}: status {status}:\n{self.logs[task.name][-6000:]}")
        self._read_back(task, invocation, folder)

    def _resolve(self, task: Task) -> Any:
        """The driver's part: ``ExecutorInput``."""
        invocation = spec.ExecutorInput()
        values = invocation.inputs.parameter_values
        for name, given in task.specification.inputs.parameters.items():
            if given.WhichOneof("kind") != "runtime_value" or not given.runtime_value.HasField("constant"):
                raise TaskFailed(f"{task.name}: parameter {name}: only constants are known here")
            values[name].CopyFrom(given.runtime_value.constant)
        for name, declared in task.component.input_definitions.parameters.items():
            if name not in values:
                if not declared.is_optional and not declared.HasField("default_value"):
                    raise TaskFailed(f"{task.name}: parameter {name} has no value")
            elif values[name].WhichOneof("kind") != _KINDS[declared.parameter_type]:
                expected = Parameter.ParameterTypeEnum.Name(declared.parameter_type)
                raise TaskFailed(f"{task.name}: parameter {name} is no {expected}")
        for name, given in task.specification.inputs.artifacts.items():
            source = given.task_output_artifact
            with self._lock:
                artifact = self._outputs.get((source.producer_task, source.output_artifact_key))
            if artifact is None:
                raise TaskFailed(f"{task.name}: input {name}: {source.producer_task} has not run")
            invocation.inputs.artifacts[name].artifacts.append(artifact)
        task_root = f"{self._root}/{task.name}/{uuid.uuid4()}"
        for name, declared in task.component.output_definitions.artifacts.items():
            invocation.outputs.artifacts[name].artifacts.add(
                name=name, uri=f"{task_root}/{name}", type=declared.artifact_type, metadata=declared.metadata
            )
        log = invocation.outputs.artifacts["executor-logs"].artifacts.add(name="executor-logs")
        log.uri, log.type.schema_title = f"{task_root}/executor-logs", "system.Artifact"
        invocation.outputs.output_file = _local(f"{task_root}/output_metadata.json")
        return invocation

    def _launch(self, task: Task, invocation: Any, folder: Path) -> int:
        """The launcher's part, up to the command's end."""
        for name in ("work", "home", "tmp", "image"):
            (folder / name).mkdir(parents=True)
        for name, content in self._image.files.items():
            (folder / "image" / name).write_bytes(content)
        seen_as = _MOUNT if ISOLATED else str(folder)
        invocation = json_format.ParseDict(json_format.MessageToDict(invocation), spec.ExecutorInput())
        invocation.outputs.output_file = f"{seen_as}/{invocation.outputs.output_file}"
        for artifacts in invocation.inputs.artifacts.values():
            for artifact in artifacts.artifacts:
                self._download(artifact.uri, folder)
        for artifacts in invocation.outputs.artifacts.values():
            for artifact in artifacts.artifacts:
                (folder / _local(artifact.uri)).parent.mkdir(parents=True, exist_ok=True)
        environment = {
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "HOME": f"{seen_as}/home",
            "TMPDIR": f"{seen_as}/tmp",
            **{
                name: value.format(files=f"{seen_as}/image")
                for name, value in self._image.environment.items()
            },
            **{each.name: each.value for each in task.container.env},
        }
        arguments = [*task.container.command, *task.container.args]
        command = [_fill(argument, invocation) for argument in arguments]
        if ISOLATED:
            command = ["unshare", "-rm", "sh", "-c", _ISOLATE, "sh", str(folder), *command]
        done = subprocess.run(
            command, cwd=folder / "work", env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", timeout=1800, check=False,
        )  # fmt: skip
        self.logs[task.name] = done.stdout
        return done.returncode

    def _download(self, uri: str, folder: Path) -> None:
        """Every object below an artifact's URI to a file, as the launcher does: it knows no folders."""
        bucket, prefix = _split(uri)
        for name in self._bucket.names(bucket, prefix):
            if name != prefix and not name.startswith(f"{prefix}/"):
                continue
            path = folder / _local(f"{uri.partition('://')[0]}://{bucket}/{name}")
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(self._bucket.read(bucket, name))
            except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
                raise TaskFailed(f"input {uri}: object {name!r} cannot be a file: {error}") from error

    def _read_back(self, task: Task, invocation: Any, folder: Path) -> None:
        """What the container says of its outputs."""
        written, output = folder / invocation.outputs.output_file, spec.ExecutorOutput()
        if written.exists():
            json_format.Parse(written.read_text(encoding="utf-8"), output)
        for name, artifacts in invocation.outputs.artifacts.items():
            [artifact] = artifacts.artifacts
            for told in output.artifacts[name].artifacts if name in output.artifacts else ():
                artifact.uri = told.uri or artifact.uri
                artifact.metadata.update(told.metadata)
            with self._lock:
                artifact.name = str(next(self._ids))
                self._outputs[task.name, name] = artifact


def _local(uri: str) -> str:
    """Where the launcher has an artifact on local disk, below the root."""
    scheme, _, rest = uri.partition("://")
    return str(PurePosixPath({"gs": "gcs", "s3": "s3", "minio": "minio"}[scheme], rest))


def _split(uri: str) -> tuple[str, str]:
    bucket, _, prefix = uri.partition("://")[2].partition("/")
    return bucket, prefix


def _fill(argument: str, invocation: Any) -> str:
    """Placeholders, as the launcher fills them in."""
    filled = argument.replace("{{$}}", json_format.MessageToJson(invocation, indent=None))
    for name, value in invocation.inputs.parameter_values.items():
        text = (
            value.string_value
            if value.HasField("string_value")
            else json.dumps(json_format.MessageToDict(value))
        )
        filled = filled.replace(f"{{{{$.inputs.parameters['{name}']}}}}", text)
    for side, artifacts in (
        ("inputs", invocation.inputs.artifacts),
        ("outputs", invocation.outputs.artifacts),
    ):
        for name, found in artifacts.items():
            key = f"{{{{$.{side}.artifacts['{name}'].uri}}}}"
            filled = filled.replace(key, found.artifacts[0].uri)
    return filled
