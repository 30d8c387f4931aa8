"""Whether a model is good enough, as TFX marks it: a file in the artifact's folder, and a property of it."""

from __future__ import annotations

from tfx import types
from tfx.components.evaluator import constants
from tfx.utils import io_utils


def mark(blessing: types.Artifact, is_blessed: bool) -> None:
    """As TFX's Evaluator does where TFMA has thresholds."""
    name = constants.BLESSED_FILE_NAME if is_blessed else constants.NOT_BLESSED_FILE_NAME
    io_utils.write_string_file(f"{blessing.uri}/{name}", "")
    value = constants.BLESSED_VALUE if is_blessed else constants.NOT_BLESSED_VALUE
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, value)
