"""What a stage's container runs: TFX's executor, and what the launcher and object storage need around it.

- An output that the launcher adds for itself (``executor-logs``, a type that TFX cannot import) is left out.
- What an earlier attempt left of the outputs is removed, so that a retry starts as the first one did.
- Progress goes to standard output, which is the pod's log.
- Afterwards the empty objects that TensorFlow leaves as folders (``model/``) are removed: the launcher, which
  copies a stage's inputs to local disk, would make each a file, and fail at what lies below it.

``python -m pipeline.kubeflow.container --executor_class_path=… --json_serialized_invocation_args=… …``, the
arguments of ``kubeflow_v2_run_executor``.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from pipeline import quiet
from serving import object_storage

INVOCATION = "--json_serialized_invocation_args"
_LAUNCHERS_OWN = "system."
"""How the types of the launcher's own outputs begin; TFX's are ``tfx.…``, ours ``components.…``."""


def main(argv: Sequence[str]) -> None:
    """Runs one stage."""
    quiet.set_environment()
    _report_progress()
    arguments, beam_options = _parse(argv)
    invocation = without_launchers_outputs(json.loads(arguments.json_serialized_invocation_args))
    arguments.json_serialized_invocation_args = json.dumps(invocation)
    object_storage.open_for(*(object_storage.SCHEME for text in argv if object_storage.SCHEME in text))
    from absl import flags
    from apache_beam.io.filesystems import FileSystems
    from apache_beam.options.pipeline_options import PipelineOptions
    from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_run_executor

    flags.FLAGS(sys.argv[:1])
    FileSystems.set_options(PipelineOptions(beam_options))  # Also for what is read outside a pipeline.
    remove_outputs(invocation)
    kubeflow_v2_run_executor.main((arguments, beam_options))
    remove_folder_objects(invocation)


def without_launchers_outputs(invocation: dict[str, Any]) -> dict[str, Any]:
    """``ExecutorInput`` in JSON, with TFX's and our own output artifacts only."""
    outputs = dict(invocation.get("outputs", {}))
    outputs["artifacts"] = {
        name: artifacts
        for name, artifacts in outputs.get("artifacts", {}).items()
        if not any(_title(artifact).startswith(_LAUNCHERS_OWN) for artifact in artifacts["artifacts"])
    }
    return {**invocation, "outputs": outputs}


def remove_outputs(invocation: dict[str, Any]) -> None:
    """Of an attempt before this one."""
    from tfx.dsl.io import fileio

    for uri in _output_uris(invocation):
        if fileio.exists(uri):
            fileio.rmtree(uri)


def remove_folder_objects(invocation: dict[str, Any]) -> None:
    """Objects that stand for a folder; a local folder is one, and stays."""
    import tensorflow as tf

    for uri in _output_uris(invocation):
        if "://" not in uri:
            continue
        for folder, _, _ in tf.io.gfile.walk(uri):
            name = f"{folder.rstrip('/')}/"
            try:
                tf.io.gfile.remove(name)
            except tf.errors.NotFoundError:
                continue


def _output_uris(invocation: dict[str, Any]) -> Iterator[str]:
    for artifacts in invocation["outputs"]["artifacts"].values():
        yield from (artifact["uri"] for artifact in artifacts["artifacts"])


def _title(artifact: dict[str, Any]) -> str:
    kind = artifact.get("type", {})
    title: str = kind.get("schemaTitle", "")
    return title


def _parse(argv: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--executor_class_path", required=True)
    parser.add_argument(INVOCATION, required=True)
    parser.add_argument("--json_serialized_inputs_spec_args")
    return parser.parse_known_args(argv)


def _report_progress() -> None:
    from components import progress

    logger = logging.getLogger(progress.LOGGER_NAME)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(logging.StreamHandler(sys.stdout))


if __name__ == "__main__":
    main(sys.argv[1:])
