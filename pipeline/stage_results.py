"""A result line for TFX's own stages; ours report their results themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tfx.dsl.io import fileio
from tfx.types import Artifact, artifact_utils, standard_component_specs
from tfx.utils import io_utils

_SPLIT = "Split-"


def describe(stage: str, outputs: Mapping[str, Sequence[Artifact]]) -> str | None:
    """What the stage found, in one line; None where the stage says so itself."""
    if stage == "StatisticsGen":
        uri = artifact_utils.get_single_uri(outputs[standard_component_specs.STATISTICS_KEY])
        return f"statistics of {', '.join(sorted(_splits(uri)))}"
    if stage == "SchemaGen":
        uri = artifact_utils.get_single_uri(outputs[standard_component_specs.SCHEMA_KEY])
        return f"{len(io_utils.SchemaReader().read(io_utils.get_only_uri_in_dir(uri)).feature)} features"
    if stage == "ExampleValidator":
        uri = artifact_utils.get_single_uri(outputs[standard_component_specs.ANOMALIES_KEY])
        return "; ".join(_anomalies(uri)) or "no anomalies"
    return None


def _splits(uri: str) -> dict[str, str]:
    """Split -> folder. From the folders' names: the artifact's properties are not set yet here."""
    folders = fileio.glob(f"{uri}/{_SPLIT}*")
    return {folder.rstrip("/").rsplit(_SPLIT, 1)[-1]: folder for folder in folders}


def _anomalies(uri: str) -> list[str]:
    from tensorflow_metadata.proto.v0 import anomalies_pb2

    problems = []
    for split, folder in sorted(_splits(uri).items()):
        with fileio.open(io_utils.get_only_uri_in_dir(folder), "rb") as file:
            anomalies = anomalies_pb2.Anomalies.FromString(file.read())
        problems += [
            f"{split}: {feature}: {info.description}" for feature, info in anomalies.anomaly_info.items()
        ]
    return problems
