"""The Trainer's ``run_fn``: reads its inputs, trains, exports."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.dsl.io import fileio

from components import progress
from components.artifacts import TOKENIZER_MODEL
from components.trainer.settings import CHECKPOINT_ROOT, RUN_ID, SETTINGS, TOKENIZER_URI, TrainerSettings

if TYPE_CHECKING:
    from models.networks.counts import Counts
    from models.tokenizer import GraphTokenizer
    from models.training.loop import TrainingResult
    from models.training.run_card import RunCard


def run_fn(fn_args: FnArgs) -> None:
    """Trains a model on ``fn_args.train_files`` and writes it to ``fn_args.serving_model_dir``."""
    from models import causal_lm, export
    from models.networks import counts
    from models.tokenizer import GraphTokenizer
    from models.training import cores, devices, loop, projector, strategy
    from serving import warmup

    settings = TrainerSettings.model_validate_json(fn_args.custom_config[SETTINGS])
    with fileio.open(f"{fn_args.custom_config[TOKENIZER_URI]}/{TOKENIZER_MODEL}", "rb") as file:
        tokenizer_content = file.read()
    train_files, eval_files = _files(fn_args.train_files), _files(fn_args.eval_files)

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
    if not strategy.is_chief(distribution):
        return
    projector.write_tokens(fn_args.model_run_dir, model, tokenizer, settings.training.projector_tokens)
    export.export(model, tokenizer, fn_args.serving_model_dir)
    warmup.write_warmup(fn_args.serving_model_dir, warmup.language_model_requests())
    _write_manifest(
        fn_args.serving_model_dir, settings, tokenizer, tokenizer_content, size.parameters, result
    )
    weights = (
        "" if result.exported_step == result.num_steps else f", weights of step {result.exported_step:,}"
    )
    progress.report(
        f"{size.parameters:,} parameters, {result.num_tokens:,} tokens in {result.seconds:.0f} s, "
        f"validation loss {result.validation.loss:.3f}, "
        f"{result.validation.bits_per_byte:.3f} bits per byte{weights}"
    )


def _card(run_id: str, settings: TrainerSettings, size: Counts, num_replicas: int) -> RunCard:
    from models.training import devices, run_card, strategy

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
        num_workers=strategy.num_workers(os.environ),
    )


def checkpoint_directory(
    root: str, settings: TrainerSettings, tokenizer_content: bytes, files: Sequence[str]
) -> str:
    """Where the checkpoints of this very training lie: below ``root``, by a hash of all that it depends on.

    The rows count by their files' names and sizes, which TFX makes new for each run of the packer.
    """
    import tensorflow as tf

    digest = hashlib.sha256(settings.model_dump_json().encode())
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
            tokenizer_sha256=hashlib.sha256(tokenizer_content).hexdigest(),
            weights_sha256=manifest.weights_sha256(directory),
            validation_bits_per_byte=result.validation.bits_per_byte,
            training_tokens=result.num_tokens,
            training_seconds=result.seconds,
        ),
    )


def _files(patterns: list[str]) -> list[str]:
    return sorted(path for pattern in patterns for path in fileio.glob(pattern))
