"""From which model training starts: the one pushed last, which had both blessings, if it fits.

It fits with the same shape, context and tokenizer; so the run takes over that model's tokenizer instead of
training one. Found in the folder that models are pushed to, which works the same locally and on Kubeflow.
"""

from __future__ import annotations

from components import model_store
from components.config import TokenizerConfig, WarmStart
from models.config import ModelConfig
from models.errors import WarmStartError
from models.manifest import Manifest

NOTHING = 0
"""The version that stands for: nothing was pushed yet."""


def latest(base_path: str) -> WarmStart:
    """The newest pushed version by its number and hashes, or `NOTHING`."""
    for version, found in model_store.manifests(base_path):
        return WarmStart(
            base_path=base_path,
            version=version,
            weights_sha256=found.weights_sha256,
            tokenizer_sha256=found.tokenizer_sha256,
        )
    return WarmStart(base_path=base_path, version=NOTHING)


def resolve(start: WarmStart) -> tuple[int, Manifest] | None:
    """The version to start from and its manifest; None when nothing was pushed yet.

    Raises:
      WarmStartError: it is not there any more, or an earlier version of Lexmill trained it.
    """
    if start.version == NOTHING:
        return None
    for version, found in model_store.manifests(start.base_path):
        if start.version not in (None, version):
            continue
        if start.tokenizer_sha256 not in (None, found.tokenizer_sha256):
            continue
        if found.training_state is None:
            raise WarmStartError(
                f"version {version} in {start.base_path}: an earlier version of Lexmill trained it, and kept "
                'no weights to start from: push one model with training.warm_start = "none" first'
            )
        return version, found
    if start.version is None and start.tokenizer_sha256 is None:
        return None
    raise WarmStartError(f"{start.base_path}: the version to start from is gone: run again")


def require_same_shape(version: int, found: Manifest, model: ModelConfig, context_length: int) -> None:
    """Raises `WarmStartError` where the pushed model's weights have no place in this one."""
    ours, theirs = model.model_dump(), found.model.model_dump()
    differing = [
        f"model.{name} = {ours[name]!r} (there {theirs[name]!r})"
        for name in ours
        if ours[name] != theirs[name] and name not in ("size", "dropout", "recurrent_dropout")
    ]
    if found.context_length != context_length:
        differing.append(f"packing.sequence_length = {context_length} (there {found.context_length})")
    if differing:
        raise WarmStartError(
            f'training.warm_start = "latest": version {version} has another shape: {", ".join(differing)}: '
            'make them the same, or set training.warm_start = "none"'
        )


def require_same_vocabulary(version: int, found: Manifest, tokenizer: TokenizerConfig) -> None:
    """Raises `WarmStartError` where the configuration asks for another tokenizer than is taken over."""
    is_exact = tokenizer.algorithm in ("bpe", "unigram")
    size, most = found.vocabulary_size, tokenizer.max_pieces
    if size > most or (is_exact and size != most):
        raise WarmStartError(
            f'training.warm_start = "latest": version {version} has a vocabulary of {size:,}, and '
            f"tokenizer.vocabulary_size = {most:,}: make them the same, or set training.warm_start = "
            '"none"'
        )
