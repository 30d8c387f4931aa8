"""What a preset's folder holds, checked before anything is loaded from it.

Two formats: KerasHub's own, and Hugging Face's, which KerasHub converts as it reads. Their JSON files
name classes to make objects of; only Keras' and KerasHub's are made, whatever a file asks for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import keras_hub

from models.errors import PresetError

_CONFIG, _TOKENIZER = "config.json", "tokenizer.json"
_WEIGHTS = ("model.weights.h5", "model.weights.json")
_TRUSTED = ("keras", "keras_hub", "keras_nlp", "builtins")


def check(folder: Path) -> None:
    """Raises `PresetError` unless the folder holds a causal language model with its tokenizer."""
    config = _json(folder, _CONFIG)
    if "registered_name" not in config:
        if "model_type" not in config:
            raise PresetError(f"{folder / _CONFIG}: neither KerasHub's nor Hugging Face's: no model to load")
        return
    for path in sorted(folder.glob("*.json")):
        _only_trusted(path, _json(folder, path.name))
    backbone = keras.saving.get_registered_object(config["registered_name"])
    if backbone is None:
        version = keras_hub.__version__
        raise PresetError(
            f"{folder / _CONFIG}: {config['registered_name']!r} is not a model of KerasHub {version}"
        )
    if not any(task.backbone_cls is backbone for task in _subclasses(keras_hub.models.CausalLM)):
        raise PresetError(
            f"preset {folder}: a {backbone.__name__}, which is no causal language model: choose one that has "
            "a CausalLM in KerasHub, as GPT-2, Llama, Mistral, Gemma or OPT"
        )
    _json(folder, _TOKENIZER)
    if not any((folder / name).is_file() for name in _WEIGHTS):
        raise PresetError(f"preset {folder}: no weights: {' or '.join(_WEIGHTS)} is missing")


def _json(folder: Path, name: str) -> dict[str, Any]:
    path = folder / name
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise PresetError(
            f"preset {folder}: {name} is missing: expected the folder that save_to_preset wrote, all of it"
        ) from error
    except ValueError as error:
        raise PresetError(f"{path}: not valid JSON: {error}") from error
    if not isinstance(content, dict):
        raise PresetError(f"{path}: not a JSON object")
    return content


def _only_trusted(path: Path, content: Any) -> None:
    for value in _objects(content):
        module = value.get("module")
        if module is not None and str(module).split(".")[0] not in _TRUSTED:
            raise PresetError(
                f"{path}: asks for {module}.{value.get('class_name')}: only Keras' and KerasHub's own "
                "objects are loaded"
            )


def _objects(content: Any) -> Iterator[dict[str, Any]]:
    """The dictionaries within JSON that describe an object to make."""
    if isinstance(content, dict):
        if "class_name" in content:
            yield content
        content = list(content.values())
    if isinstance(content, list):
        for value in content:
            yield from _objects(value)


def _subclasses(cls: Any) -> Iterator[Any]:
    for subclass in cls.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)
