"""The Trainer's ``run_fn``: reads its inputs, trains, exports."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import posixpath
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.dsl.io import fileio

from components import progress
from components.artifacts import TOKENIZER_MODEL
from components.trainer.settings import CHECKPOINT_ROOT, RUN_ID, SETTINGS, TOKENIZER_URI, TrainerSettings
from models.errors import WarmStartError

if TYPE_CHECKING:
    from components.training_job.settings import TrainingJobConfig
    from models.causal_lm import CausalLM
    from models.networks.counts import Counts
    from models.tokenizer import GraphTokenizer
    from models.training.loop import TrainingResult
    from models.training.run_card import RunCard

TRAINING_STATE = "Training"
"""Folder beside the exported model's within the Trainer's artifact: see `models.training.warm_start`."""


def run_fn(fn_args: FnArgs) -> None:
    """Trains a model on ``fn_args.train_files`` and writes it to ``fn_args.serving_model_dir``; where several
    machines shall, starts their job and waits for it."""
    settings = TrainerSettings.model_validate_json(fn_args.custom_config[SETTINGS])
    if settings.job is None:
        train(fn_args)
    else:
        _train_on_cluster(fn_args, settings, settings.job)


def _train_on_cluster(fn_args: FnArgs, settings: TrainerSettings, job: TrainingJobConfig) -> None:
    from components.training_job import cluster, manifest, request
    from models import manifest as model_manifest

    alone = settings.model_copy(update={"job": None, "job_image": "", "pipeline": ""})
    config = {**fn_args.custom_config, SETTINGS: alone.model_dump_json()}
    asked = request.TrainingRequest.of(fn_args).model_copy(update={"custom_config": config})
    uri = f"{posixpath.dirname(fn_args.serving_model_dir)}/training_request.json"
    fileio.makedirs(posixpath.dirname(uri))
    request.write(asked, uri)
    name = f"{settings.pipeline[:40].rstrip('-')}-{asked.digest}"
    built = manifest.build(job, name, settings.pipeline, settings.job_image, uri)
    cluster.run(built, job.poll_s, cluster.api(), lambda: model_manifest.is_there(fn_args.serving_model_dir))
    found = model_manifest.read(fn_args.serving_model_dir)
    progress.report(
        f"{found.num_parameters:,} parameters, {found.training_tokens:,} tokens on {job.workers} machines in "
        f"{found.training_seconds:.0f} s, {found.validation_bits_per_byte:.3f} bits per byte"
    )


def train(fn_args: FnArgs) -> None:
    """Trains in this process, with the other workers of ``TF_CONFIG`` if there are any, and exports."""
    from models import causal_lm
    from models.networks import counts
    from models.tokenizer import GraphTokenizer
    from models.training import cores, devices, loop, strategy, warm_start

    settings = TrainerSettings.model_validate_json(fn_args.custom_config[SETTINGS])
    with fileio.open(f"{fn_args.custom_config[TOKENIZER_URI]}/{TOKENIZER_MODEL}", "rb") as file:
        tokenizer_content = file.read()
    train_files, eval_files = _files(fn_args.train_files), _files(fn_args.eval_files)
    settings, start = _start(settings, tokenizer_content)

    cores.share()
    devices.allow_memory_growth()
    distribution = strategy.choose(os.environ)
    devices.prepare(settings.training)
    tokenizer = GraphTokenizer(tokenizer_content)
    with distribution.scope():
        model = causal_lm.build(settings.model, tokenizer.vocabulary_size(), settings.sequence_length)
        if settings.attention == "document":
            causal_lm.attend_within_documents(model, tokenizer.vocabulary.start_id)
        size = counts.count(settings.model, tokenizer.vocabulary_size(), settings.sequence_length)
        progress.report(f"{settings.model.family} of {size.summary()}, {devices.describe()}")
        if start is not None:
            version, folder = start
            warm_start.load(model, folder)
            progress.notice(f"starts from the weights of version {version}")
        result = loop.train(
            model,
            tokenizer,
            settings.training,
            train_files,
            eval_files,
            fn_args.model_run_dir,
            checkpoint_directory(
                fn_args.custom_config[CHECKPOINT_ROOT],
                settings,
                tokenizer_content,
                (*train_files, *eval_files),
            ),
            lambda line, done, total: progress.report(line, completed=done, total=total),
            _card(fn_args.custom_config[RUN_ID], settings, size, distribution.num_replicas_in_sync),
            progress.notice,
        )
    if strategy.is_chief(distribution):
        _export(fn_args, settings, model, tokenizer, tokenizer_content, size.parameters, result)


def _export(
    fn_args: FnArgs,
    settings: TrainerSettings,
    model: CausalLM,
    tokenizer: GraphTokenizer,
    tokenizer_content: bytes,
    num_parameters: int,
    result: TrainingResult,
) -> None:
    """Writes what is served, and what a later training can start from."""
    from models import export
    from models.training import projector, warm_start
    from serving import warmup

    projector.write_tokens(fn_args.model_run_dir, model, tokenizer, settings.training.projector_tokens)
    export.export(model, tokenizer, fn_args.serving_model_dir)
    state = ""
    if settings.model.family != "preset":
        state = f"{posixpath.dirname(fn_args.serving_model_dir)}/{TRAINING_STATE}"
        warm_start.write(model, tokenizer_content, state)
    warmup.write_warmup(fn_args.serving_model_dir, warmup.language_model_requests())
    _write_manifest(
        fn_args.serving_model_dir, settings, tokenizer, tokenizer_content, num_parameters, result, state
    )
    weights = (
        "" if result.exported_step == result.num_steps else f", weights of step {result.exported_step:,}"
    )
    progress.report(
        f"{num_parameters:,} parameters, {result.num_tokens:,} tokens in {result.seconds:.0f} s, "
        f"validation loss {result.validation.loss:.3f}, "
        f"{result.validation.bits_per_byte:.3f} bits per byte{weights}"
    )


def _card(run_id: str, settings: TrainerSettings, size: Counts, num_replicas: int) -> RunCard:
    from models.training import devices, run_card, tf_config

    return run_card.card_now(
        run_id=run_id,
        family=settings.model.family,
        num_parameters=size.parameters,
        flops_per_token=size.training_flops_per_token,
        configuration={
            "model": settings.model.model_dump(mode="json"),
            "training": settings.training.model_dump(mode="json"),
            "packing": {"sequence_length": settings.sequence_length, "attention": settings.attention},
        },
        precision=devices.dtype_policy(settings.training),
        num_gpus=num_replicas if devices.has_gpu() else 0,
        num_workers=tf_config.num_workers(os.environ),
    )


def _start(
    settings: TrainerSettings, tokenizer_content: bytes
) -> tuple[TrainerSettings, tuple[int, str] | None]:
    """The settings with the version that training starts from, and that version with its weights' folder."""
    from components import warm_start

    if settings.warm_start is None:
        return settings, None
    found = warm_start.resolve(settings.warm_start)
    if found is None:
        progress.notice("nothing was pushed yet to start from: starts at random")
        return settings, None
    version, manifest = found
    warm_start.require_same_shape(version, manifest, settings.model, settings.sequence_length)
    if manifest.tokenizer_sha256 != hashlib.sha256(tokenizer_content).hexdigest():
        raise WarmStartError(
            f'training.warm_start = "latest": version {version} has not this run\'s tokenizer: run again'
        )
    resolved = settings.warm_start.model_copy(
        update={"version": version, "weights_sha256": manifest.weights_sha256}
    )
    return settings.model_copy(update={"warm_start": resolved}), (version, str(manifest.training_state))


def checkpoint_directory(
    root: str, settings: TrainerSettings, tokenizer_content: bytes, files: Sequence[str]
) -> str:
    """Where the checkpoints of this very training lie: below ``root``, by a hash of all that it depends on.

    The rows count by their files' names and sizes, which TFX makes new for each run of the packer. The number
    of steps does not where a longer training goes on from a shorter one's checkpoint.
    """
    import tensorflow as tf

    left_out = {"training": {"num_steps"}} if settings.training.goes_on_from_shorter else None
    digest = hashlib.sha256(settings.model_dump_json(exclude=left_out).encode())
    digest.update(tokenizer_content)
    for path in files:
        digest.update(f"{path} {tf.io.gfile.stat(path).length}\n".encode())
    for package in ("tensorflow", "keras", "keras-hub"):
        digest.update(f"{package} {importlib.metadata.version(package)}\n".encode())
    return f"{root}/{digest.hexdigest()[:16]}"


def _write_manifest(
    directory: str,
    settings: TrainerSettings,
    tokenizer: GraphTokenizer,
    tokenizer_content: bytes,
    num_parameters: int,
    result: TrainingResult,
    state: str,
) -> None:
    from models import manifest

    manifest.write_tokenizer(directory, tokenizer_content)
    manifest.write(
        directory,
        manifest.Manifest(
            model=settings.model,
            training=settings.training,
            preset_sha256=settings.preset_sha256,
            num_parameters=num_parameters,
            vocabulary_size=tokenizer.vocabulary_size(),
            context_length=settings.sequence_length,
            attention=settings.attention,
            tokenizer_sha256=hashlib.sha256(tokenizer_content).hexdigest(),
            weights_sha256=manifest.weights_sha256(directory),
            validation_bits_per_byte=result.validation.bits_per_byte,
            training_tokens=result.num_tokens,
            training_seconds=result.seconds,
            training_began_at=result.began_at,
            training_state=state or None,
        ),
    )


def _files(patterns: list[str]) -> list[str]:
    return sorted(path for pattern in patterns for path in fileio.glob(pattern))
