"""Which stock TensorFlow Serving image serves what a TensorFlow exported: the one place that decides.

A SavedModel runs on the TensorFlow that wrote it and on later ones; an older server can lack
ops. So an image's minor version must not be below the exporter's, and of those that are not
the lowest serves: for TensorFlow 2.16 to 2.19 ``tensorflow/serving:2.19.1``, for 2.21
``tensorflow/serving:2.21.0``. Docker Hub has a tag for each release of TensorFlow Serving;
listed is the last patch of each minor version from the oldest whose ops `serving.stock_ops`
is about.

The exporter's version is in the SavedModel (``MetaInfoDef.tensorflow_version``) and is read
without TensorFlow, in milliseconds.
"""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path

from google.protobuf.message import DecodeError

from serving.errors import StartError
from serving.settings.messages import new_message

REPOSITORY = "tensorflow/serving"
RELEASES = ("2.19.1", "2.20.0", "2.21.0")
"""In ascending order; the image's tag is the release."""


def stock_image(exporter: str) -> str:
    """The image for a SavedModel that TensorFlow ``exporter`` (such as ``2.16.2``) wrote.

    Raises:
      StartError: no image is as new as the exporter.
    """
    for release in RELEASES:
        if minor_version(release) >= minor_version(exporter):
            return f"{REPOSITORY}:{release}"
    raise StartError(
        f"the model was exported by TensorFlow {exporter}, and the newest stock image known here is "
        f"{REPOSITORY}:{RELEASES[-1]}, which can lack its ops: name one that is as new in serving.image, "
        "or serve with the embedded server"
    )


def minor_version(version: str) -> tuple[int, int]:
    """(2, 16) of ``2.16.2`` or ``2.16.0-rc1``."""
    match = re.match(r"(\d+)\.(\d+)", version)
    if match is None:
        raise StartError(f"{version!r} is no version of TensorFlow; expected one such as 2.16.2")
    return int(match[1]), int(match[2])


def suitable_image(image: str | None, exporter: str) -> str:
    """``image``, or the stock one where it is None; StartError if it is a stock one that is too old."""
    if image is None:
        return stock_image(exporter)
    repository, _, tag = image.partition(":")
    is_release = repository == REPOSITORY and re.match(r"\d+\.\d+", tag)
    if is_release and minor_version(tag) < minor_version(exporter):
        raise StartError(
            f"serving.image = {image} is older than the TensorFlow {exporter} that exported the model, "
            f"and can lack its ops: {stock_image(exporter)} does not"
        )
    return image


def newest_version(base_path: str) -> int | None:
    """The highest version below a local ``base_path``; None if there is none, or it is not local."""
    folder = Path(base_path)
    if "://" in base_path or not folder.is_dir():
        return None
    return max((int(child.name) for child in folder.iterdir() if child.name.isdecimal()), default=None)


def exporter_version(base_path: str) -> str:
    """The TensorFlow that wrote the newest version below a local ``base_path``, or else, where there is none
    that can be read, the one that is installed."""
    version = newest_version(base_path)
    written_by = "" if version is None else _written_by(Path(base_path, str(version)))
    return written_by or importlib.metadata.version("tensorflow")


def _written_by(version_dir: Path) -> str:
    saved_model = new_message("SavedModel")
    try:
        saved_model.ParseFromString((version_dir / "saved_model.pb").read_bytes())
    except (OSError, DecodeError):
        return ""
    return next((graph.meta_info_def.tensorflow_version for graph in saved_model.meta_graphs), "")
