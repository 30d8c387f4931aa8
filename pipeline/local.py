"""Runs the pipeline on this machine, stage by stage, in this process.

As TFX's LocalDagRunner does, with three things more: an observer is told of each stage, a
second run of the same pipeline is kept out while one is under way (SQLite metadata cannot
take two writers), and the outcome is returned.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from tfx.dsl.compiler import compiler, constants
from tfx.orchestration import metadata
from tfx.orchestration.local import runner_utils
from tfx.orchestration.portable import launcher, runtime_parameter_utils
from tfx.proto.orchestration import pipeline_pb2

from pipeline import beam_options, history, stage_results
from pipeline.config import PipelineConfig
from pipeline.errors import RunInProgressError
from pipeline.graph import Places, create_pipeline


class Observer(Protocol):
    """Told what the run is doing."""

    def start(self, stage: str) -> None: ...

    def finish(self, seconds: float, cached: bool, result: str | None = None) -> None: ...


def run(config: PipelineConfig, run_id: str, observer: Observer) -> history.Run:
    """Runs every stage, or takes its cached result, and says what came of it.

    Raises:
      RunInProgressError: another process runs this pipeline.
      Exception: whatever a stage raised; `pipeline.failures.explain` puts it in words.
    """
    with _only_run(config):
        connection = history.connection(config)
        places = Places(
            root=str(Path(config.root, "artifacts").resolve()),
            corpus_path=config.corpus.path,
            model_base_path=config.model_base_path,
            beam_options=beam_options.local(config.beam),
            metadata=connection,
        )
        ir = compiler.Compiler().compile(create_pipeline(config, places))
        runtime_parameter_utils.substitute_runtime_parameter(
            ir, {constants.PIPELINE_RUN_ID_PARAMETER_NAME: run_id}
        )
        history.record_configuration(config, run_id)
        for node in ir.nodes:
            _run_stage(ir, node.pipeline_node, connection, observer)
        return history.find(config, run_id)


def _run_stage(
    ir: pipeline_pb2.Pipeline, node: pipeline_pb2.PipelineNode, connection: object, observer: Observer
) -> None:
    stage = node.node_info.id
    observer.start(stage)
    started = time.monotonic()
    if stage == "Pusher" and not history.pushed_versions_exist(connection):
        node.execution_options.caching_options.enable_cache = False
    deployment = runner_utils.extract_local_deployment_config(ir)
    execution = launcher.Launcher(
        pipeline_node=node,
        mlmd_connection=metadata.Metadata(connection),
        pipeline_info=ir.pipeline_info,
        pipeline_runtime_spec=ir.runtime_spec,
        executor_spec=runner_utils.extract_executor_spec(deployment, stage),
        custom_driver_spec=runner_utils.extract_custom_driver_spec(deployment, stage),
    ).launch()
    cached = history.was_cached(connection, execution.execution_id)
    result = None if cached else stage_results.describe(stage, execution.output_dict)
    observer.finish(time.monotonic() - started, cached, result)


@contextlib.contextmanager
def _only_run(config: PipelineConfig) -> Iterator[None]:
    root = Path(config.root)
    root.mkdir(parents=True, exist_ok=True)
    with (root / ".lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            holder = lock.read().strip() or "another process"
            raise RunInProgressError(
                f"{root}: a run of {config.name!r} is under way ({holder}): "
                "wait for it to end, or use another name or output.root"
            ) from error
        lock.truncate(0)
        lock.write(f"process {os.getpid()}")
        lock.flush()
        yield
