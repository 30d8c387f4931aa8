"""Runs the pipeline on this machine, stage by stage, in this process.

As TFX's LocalDagRunner does, with four things more: an observer is told of each stage, a
second run of the same pipeline is kept out while one is under way (SQLite metadata cannot
take two writers), what follows the data stages may be planned by what they found, and the
outcome is returned.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Protocol

from tfx.dsl.compiler import compiler, constants
from tfx.orchestration import metadata
from tfx.orchestration.local import runner_utils
from tfx.orchestration.pipeline import Pipeline
from tfx.orchestration.portable import launcher, runtime_parameter_utils
from tfx.proto.orchestration import pipeline_pb2

from components import warm_start
from components.runs import STAGING
from models.training import cores
from pipeline import beam_options, history, run_folder, stage_results
from pipeline.config import PipelineConfig
from pipeline.errors import RunInProgressError
from pipeline.graph import Places, create_pipeline
from pipeline.metadata.connection import connection
from pipeline.metadata.store import Store
from serving import object_storage

_LAST_DATA_STAGE = "SequencePacker"


class Observer(Protocol):
    """Told what the run is doing."""

    def start(self, stage: str) -> None: ...

    def finish(self, seconds: float, cached: bool, result: str | None = None) -> None: ...


@dataclasses.dataclass(frozen=True)
class DataOutputs:
    """Where the data stages have left what training needs."""

    rows_uri: str
    tokenizer_uri: str


Plan = Callable[[DataOutputs], PipelineConfig]
"""The configuration to go on with. Must leave the data stages' settings as they are."""
Create = Callable[[Places], Pipeline]


def run(config: PipelineConfig, run_id: str, observer: Observer, plan: Plan | None = None) -> history.Run:
    """Runs every stage, or takes its cached result, and says what came of it.

    Args:
      config: what to run; with ``plan``, up to the last data stage.
      run_id: names the run.
      observer: told of each stage.
      plan: called after the last data stage.

    Raises:
      RunInProgressError: another process runs this pipeline.
      Exception: whatever a stage raised; `pipeline.failures.explain` puts it in words.
    """
    with only_run(config):
        store = _begin(config, run_id)
        preset_sha256 = _look_at_preset(config, observer)
        ir = _compiled(config, run_id, preset_sha256, partial(create_pipeline, config))
        for index in range(len(ir.nodes)):
            node = ir.nodes[index].pipeline_node
            _run_stage(ir, node, config, run_id, store, observer)
            if plan is not None and node.node_info.id == _LAST_DATA_STAGE:
                config = plan(_data_outputs(config, run_id))
                run_folder.record_configuration(config, run_id)
                ir = _compiled(config, run_id, preset_sha256, partial(create_pipeline, config))
        return history.find(config, run_id)


def run_stages(config: PipelineConfig, run_id: str, observer: Observer, create: Create) -> None:
    """Runs the stages of a pipeline that is not the whole one, on the same folders and metadata. To be called
    under `only_run`.

    Raises:
      Exception: whatever a stage raised.
    """
    store = _begin(config, run_id)
    ir = _compiled(config, run_id, _look_at_preset(config, observer), create)
    for node in ir.nodes:
        _run_stage(ir, node.pipeline_node, config, run_id, store, observer)


def _begin(config: PipelineConfig, run_id: str) -> Store:
    """What comes before any stage: all run in this process, and TensorFlow is not used yet."""
    cores.share()
    object_storage.open_for(config.model_base_path)
    _remove_staging(config)
    store = Store(config)  # So that a server that does not answer is told before any work.
    run_folder.record_configuration(config, run_id)
    run_folder.record_code(config, run_id)
    return store


def _remove_staging(config: PipelineConfig) -> None:
    """What stages that were killed have left on disk: up to twice the corpus."""
    for folder in Path(config.root, "artifacts").glob(f"*/*/*/{STAGING}"):
        shutil.rmtree(folder, ignore_errors=True)


def _compiled(
    config: PipelineConfig, run_id: str, preset_sha256: str | None, create: Create
) -> pipeline_pb2.Pipeline:
    num_bytes = beam_options.num_bytes_of(config.corpus)
    places = Places(
        root=str(Path(config.root, "artifacts").resolve()),
        corpus_path=config.corpus.path,
        model_base_path=config.model_base_path,
        preset_sha256=preset_sha256,
        beam_options=beam_options.local(config.beam, num_bytes),
        statistics_beam_options=beam_options.of_statistics(config.beam, num_bytes),
        warm_start=warm_start.latest(config.model_base_path)
        if config.training.warm_start == "latest"
        else None,
        metadata=connection(config),
    )
    ir = compiler.Compiler().compile(create(places))
    runtime_parameter_utils.substitute_runtime_parameter(
        ir, {constants.PIPELINE_RUN_ID_PARAMETER_NAME: run_id}
    )
    return ir


def _look_at_preset(config: PipelineConfig, observer: Observer) -> str | None:
    """Fetches the preset, if the model starts from one, and says before any work whether it will do; gives
    the hash of its files."""
    if config.model.preset is None:
        return None
    from models.networks import counts
    from models.presets import location

    started = time.monotonic()
    observer.start("preset")
    folder = location.locate(config.model.preset)
    size = counts.count(config.model, 0, config.packing.sequence_length)
    sha256 = location.fingerprint(folder)
    observer.finish(time.monotonic() - started, False, f"{size.parameters:,} parameters")
    return sha256


def _data_outputs(config: PipelineConfig, run_id: str) -> DataOutputs:
    uris = history.output_uris(config, run_id)
    return DataOutputs(
        rows_uri=uris[_LAST_DATA_STAGE, "packed_examples"],
        tokenizer_uri=uris["TokenizerTrainer", "tokenizer"],
    )


def _run_stage(
    ir: pipeline_pb2.Pipeline,
    node: pipeline_pb2.PipelineNode,
    config: PipelineConfig,
    run_id: str,
    store: Store,
    observer: Observer,
) -> None:
    stage = node.node_info.id
    observer.start(stage)
    started, cpu_s = time.monotonic(), run_folder.cpu_s()
    if stage == "Pusher" and not history.pushed_versions_exist(store):
        node.execution_options.caching_options.enable_cache = False
    deployment = runner_utils.extract_local_deployment_config(ir)
    execution = launcher.Launcher(
        pipeline_node=node,
        mlmd_connection=metadata.Metadata(connection(config)),
        pipeline_info=ir.pipeline_info,
        pipeline_runtime_spec=ir.runtime_spec,
        executor_spec=runner_utils.extract_executor_spec(deployment, stage),
        custom_driver_spec=runner_utils.extract_custom_driver_spec(deployment, stage),
    ).launch()
    cached = history.was_cached(store, execution.execution_id)
    result = None if cached else stage_results.describe(stage, execution.output_dict)
    seconds = time.monotonic() - started
    if not cached:
        cost = run_folder.StageCost(seconds=seconds, cpu_s=run_folder.cpu_s() - cpu_s)
        run_folder.record_cost(config, run_id, stage, cost)
    observer.finish(seconds, cached, result)


@contextlib.contextmanager
def only_run(config: PipelineConfig) -> Iterator[None]:
    """Keeps other runs of this pipeline out until the block ends.

    Raises:
      RunInProgressError: there is one already.
    """
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
