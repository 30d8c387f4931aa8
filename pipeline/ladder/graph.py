"""The TFX pipelines of a ladder: one for each rung, one for a prediction, one for the report.

They have one name, one folder and one metadata store, so that what one made is the other's cache, and a
rung's data stages are run by the first rung alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.common.importer import Importer
from tfx.orchestration.pipeline import Pipeline
from tfx.types import channel_utils

from components import artifacts
from components.emergence_report.component import EmergenceReporter
from components.rung_predictor.component import RungPredictor
from components.rung_recorder.component import RungRecorder
from pipeline.config import PipelineConfig
from pipeline.graph import Places, create_stages
from pipeline.ladder.rungs import Rung

RECORDER = "RungRecorder"
PREDICTOR = "RungPredictor"
REPORTER = "EmergenceReporter"
_SERVING_STAGES = {"ServingValidator", "Pusher"}


def create_rung(rung: Rung, push: bool, places: Places) -> Pipeline:
    """An ordinary run up to the evaluation, or with ``push`` to its end, and the record of it."""
    stages = create_stages(rung.config, places)
    by_id = {stage.id: stage for stage in stages}
    recorder = RungRecorder(
        by_id["Trainer"].outputs["model"],
        by_id["Evaluator"].outputs["evaluation"],
        by_id["TaskEvaluator"].outputs["report"],
        rung.name,
        rung.num_tokens,
    )
    kept = [stage for stage in stages if push or stage.id not in _SERVING_STAGES]
    return _pipeline(rung.config, places, [*kept, recorder])


def create_prediction(
    config: PipelineConfig, rungs: Sequence[str], name: str, compute: float, places: Places
) -> Pipeline:
    """``rungs``: folders of the smaller rungs' records."""
    importers = _importers(artifacts.Rung, rungs, "rung")
    return _pipeline(config, places, [*importers, RungPredictor(_union(importers), name, compute)])


def create_report(
    config: PipelineConfig, rungs: Sequence[str], predictions: Sequence[str], places: Places
) -> Pipeline:
    """From folders of records and predictions."""
    records = _importers(artifacts.Rung, rungs, "rung")
    predicted = _importers(artifacts.Prediction, predictions, "prediction")
    reporter = EmergenceReporter(_union(records), _union(predicted) if predicted else None)
    return _pipeline(config, places, [*records, *predicted, reporter])


def _importers(artifact_type: type, uris: Sequence[str], name: str) -> list[Importer]:
    """The artifacts that lie there already, as ML Metadata knows them: the lineage goes through them."""
    return [
        Importer(source_uri=uri, artifact_type=artifact_type, reimport=False).with_id(f"{name}-{index}")
        for index, uri in enumerate(uris)
    ]


def _union(importers: Sequence[Importer]) -> Any:
    return channel_utils.union([importer.outputs["result"] for importer in importers])


def _pipeline(config: PipelineConfig, places: Places, stages: Sequence[Any]) -> Pipeline:
    components: list[BaseComponent] = list(stages)
    return Pipeline(
        pipeline_name=config.name,
        pipeline_root=places.root,
        components=components,
        enable_cache=True,
        metadata_connection_config=places.metadata,
        beam_pipeline_args=list(places.beam_options),
    )
