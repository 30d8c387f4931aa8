"""TokenizerTrainer: the train split's text to a SentencePiece model, or a preset's tokenizer as it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, final

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, component_spec, standard_artifacts
from tfx.utils import io_utils

from components import documents, progress
from components.artifacts import TOKENIZER_MODEL, Tokenizer
from components.config import PresetTokenizer, TokenizerConfig, WarmStart
from components.tokenizer_trainer import sampling, training
from components.tokenizer_trainer.settings import TokenizerTrainerSettings
from models.tokenizing.sentence_pieces import SentencePieceModel

EXAMPLES = "examples"
SETTINGS = "settings"
TOKENIZER = "tokenizer"
TRAIN = "train"


class TokenizerTrainerSpec(component_spec.ComponentSpec):
    """Documents in, one model file out."""

    PARAMETERS = {  # noqa: RUF012
        SETTINGS: component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {EXAMPLES: component_spec.ChannelParameter(type=standard_artifacts.Examples)}  # noqa: RUF012
    OUTPUTS = {TOKENIZER: component_spec.ChannelParameter(type=Tokenizer)}  # noqa: RUF012


@final
class Executor(base_executor.BaseExecutor):
    """Reads the train split once, in one process, and trains; or takes the preset's tokenizer, or that of the
    model that training starts from."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        directory = artifact_utils.get_single_uri(output_dict[TOKENIZER])
        settings = TokenizerTrainerSettings.model_validate_json(exec_properties[SETTINGS])
        if settings.preset:
            _write(directory, _of_preset(settings.preset))
            return
        kept = _of_pushed(settings.warm_start, settings.tokenizer)
        if kept is not None:
            _write(directory, kept)
            return
        if settings.tokenizer.algorithm == "bytes":
            _write(directory, training.train([], settings.tokenizer))
            progress.report(f"{settings.tokenizer.max_pieces:,} pieces: the bytes and the special tokens")
            return
        train_uri = artifact_utils.get_split_uri(input_dict[EXAMPLES], TRAIN)
        texts = _sample(train_uri, settings)
        model = SentencePieceModel(training.train(texts, settings.tokenizer))
        _write(directory, model.proto)
        rate = training.bytes_per_token(model, texts)
        progress.report(f"{model.vocabulary_size:,} pieces, {rate:.2f} bytes per token")


@final
class TokenizerTrainer(base_component.BaseComponent):
    """Trains the tokenizer, on the train split only; of a preset, takes its own; where training starts from a
    pushed model, that one's.

    Outputs:
      tokenizer: `components.artifacts.Tokenizer`.
    """

    SPEC_CLASS = TokenizerTrainerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, examples: types.BaseChannel, settings: TokenizerTrainerSettings) -> None:
        super().__init__(
            spec=TokenizerTrainerSpec(
                examples=examples,
                settings=settings.model_dump_json(),
                tokenizer=types.Channel(type=Tokenizer),
            )
        )


def _write(directory: str, content: bytes) -> None:
    fileio.makedirs(directory)
    with fileio.open(f"{directory}/{TOKENIZER_MODEL}", "wb") as file:
        file.write(content)


def _of_pushed(start: WarmStart | None, tokenizer: TokenizerConfig) -> bytes | None:
    """The tokenizer of the model that training starts from; None when it starts from none."""
    if start is None:
        return None
    from components import warm_start
    from models.training.warm_start import read_tokenizer

    found = warm_start.resolve(start)
    if found is None:
        return None
    version, manifest = found
    warm_start.require_same_vocabulary(version, manifest, tokenizer)
    progress.report(f"{manifest.vocabulary_size:,} pieces, of version {version}, from which training starts")
    return read_tokenizer(str(manifest.training_state))


def _of_preset(source: PresetTokenizer) -> bytes:
    from models.presets import location, tokenizers
    from models.tokenizing import reading

    content = tokenizers.read(location.locate(source.preset))
    progress.report(f"{reading.read(content).vocabulary_size:,} pieces, of {source.preset}")
    return content


def _sample(split_uri: str, settings: TokenizerTrainerSettings) -> list[str]:
    """The texts to train on; tells how much of them is of each source."""
    of_source = sampling.weighted_sample(
        lambda: _texts(split_uri), settings.weights, settings.tokenizer.max_training_bytes
    )
    texts = sampling.in_order(of_source)
    sizes = {source: sum(len(text.encode()) for text in part) for source, part in of_source.items()}
    num_bytes = sum(sizes.values())
    shares = ", ".join(f"{source} {size / num_bytes:.1%}" for source, size in sizes.items() if num_bytes)
    progress.report(f"training on {len(texts):,} documents, {progress.format_bytes(num_bytes)}: {shares}")
    return texts


def _texts(split_uri: str) -> Iterator[tuple[str, str]]:
    """Source and text of a split's documents, in no defined order."""
    import tensorflow as tf

    records = tf.data.TFRecordDataset(fileio.glob(io_utils.all_files_pattern(split_uri)), "GZIP")
    for record in records.as_numpy_iterator():
        document = documents.decode(record)
        yield document.source, document.text
