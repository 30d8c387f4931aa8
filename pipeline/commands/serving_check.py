"""lexmill serving-check: would the stock TensorFlow Serving run what was pushed?"""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.commands.ask import require_pushed
from pipeline.config import load
from pipeline.errors import MissingInputError
from serving.silence import libraries_silenced
from serving.tensorflow_serving import images


def check_pushed(config_name: str, overrides: Sequence[str]) -> tuple[list[str], str]:
    """What is wrong with the newest pushed version, one sentence a problem, and one line about it all."""
    config = load(config_name, overrides)
    require_pushed(config, config_name)
    folder = config.absolute_model_base_path
    with libraries_silenced():
        from components import model_store
        from serving import validation

        version = next(iter(model_store.versions(folder)), None)
        if version is None:
            raise MissingInputError(f"{folder}: holds no version: run the pipeline that pushes there first")
        problems = validation.validate(model_store.path(folder, version), config.name)
    name = f"version {version} of {config.name}"
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        return problems, f"{name}: {count}: the stock server would not serve it as it should"
    exporter = images.exporter_version(folder)
    image = images.suitable_image(config.serving.image, exporter)
    return [], f"{name}, exported by TensorFlow {exporter}: runs on {image}; every warm-up record is answered"
