"""The Trainer's ``run_fn``: reads its inputs, trains, exports."""

from __future__ import annotations

import hashlib

from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.dsl.io import fileio

from components import progress
from components.artifacts import TOKENIZER_MODEL
from components.trainer.settings import SETTINGS, TOKENIZER_URI, TrainerSettings


def run_fn(fn_args: FnArgs) -> None:
    """Trains a model on ``fn_args.train_files`` and writes it to ``fn_args.serving_model_dir``."""
    from models import causal_lm, devices, export, manifest, training
    from models.tokenizer import GraphTokenizer

    settings = TrainerSettings.model_validate_json(fn_args.custom_config[SETTINGS])
    with fileio.open(f"{fn_args.custom_config[TOKENIZER_URI]}/{TOKENIZER_MODEL}", "rb") as file:
        tokenizer_proto = file.read()

    devices.prepare(settings.training)
    tokenizer = GraphTokenizer(tokenizer_proto)
    model = causal_lm.build(settings.model, tokenizer.vocabulary_size(), settings.sequence_length)
    num_parameters = model.count_params()
    progress.report(f"{settings.model.family} of {num_parameters:,} parameters, {devices.describe()}")
    result = training.train(
        model,
        tokenizer,
        settings.training,
        _files(fn_args.train_files),
        _files(fn_args.eval_files),
        fn_args.model_run_dir,
        lambda line, done, total: progress.report(line, completed=done, total=total),
    )
    export.export(model, tokenizer, fn_args.serving_model_dir)
    manifest.write(
        fn_args.serving_model_dir,
        manifest.Manifest(
            model=settings.model,
            training=settings.training,
            num_parameters=num_parameters,
            vocabulary_size=tokenizer.vocabulary_size(),
            context_length=settings.sequence_length,
            tokenizer_sha256=hashlib.sha256(tokenizer_proto).hexdigest(),
            weights_sha256=manifest.weights_sha256(fn_args.serving_model_dir),
            validation_bits_per_byte=result.validation.bits_per_byte,
            training_tokens=result.num_tokens,
            training_seconds=result.seconds,
        ),
    )
    progress.report(
        f"{num_parameters:,} parameters, {result.num_tokens:,} tokens in {result.seconds:.0f} s, "
        f"validation loss {result.validation.loss:.3f}, {result.validation.bits_per_byte:.3f} bits per byte"
    )


def _files(patterns: list[str]) -> list[str]:
    return sorted(path for pattern in patterns for path in fileio.glob(pattern))
