"""What the workers of a training job are to do: the arguments of the Trainer's ``run_fn``, in a file that all
of them can read."""

from __future__ import annotations

import hashlib
from typing import Any

from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.dsl.io import fileio

from models.config import Settings


class TrainingRequest(Settings):
    """As TFX hands it to a ``run_fn``."""

    train_files: tuple[str, ...]
    eval_files: tuple[str, ...]
    serving_model_dir: str
    model_run_dir: str
    custom_config: dict[str, Any]

    @classmethod
    def of(cls, fn_args: FnArgs) -> TrainingRequest:
        return cls(
            train_files=tuple(fn_args.train_files),
            eval_files=tuple(fn_args.eval_files),
            serving_model_dir=fn_args.serving_model_dir,
            model_run_dir=fn_args.model_run_dir,
            custom_config=fn_args.custom_config,
        )

    def fn_args(self) -> FnArgs:
        return FnArgs(
            train_files=list(self.train_files),
            eval_files=list(self.eval_files),
            serving_model_dir=self.serving_model_dir,
            model_run_dir=self.model_run_dir,
            custom_config=self.custom_config,
        )

    @property
    def digest(self) -> str:
        """Ten digits that differ from any other training's, and are the same when a stage is tried again."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:10]


def write(request: TrainingRequest, uri: str) -> None:
    with fileio.open(uri, "w") as file:
        file.write(request.model_dump_json(indent=2) + "\n")


def read(uri: str) -> TrainingRequest:
    with fileio.open(uri) as file:
        return TrainingRequest.model_validate_json(file.read())
