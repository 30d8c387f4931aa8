"""Evaluator: TFX's own measures (TensorFlow Model Analysis); the verdict is `components.evaluator.verdict`'s.

A component's output is never absent, so `components.baseline_finder` leaves an empty
folder where there is nothing to compare with; TFX's executor would take that for a model.
A baseline with another tokenizer cannot read the candidate's rows: then the bits per byte
that it reached when it was pushed become the bound, since those can be compared.
"""

from __future__ import annotations

from typing import Any

from tfx import types
from tfx.components.evaluator import component, constants, executor
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, standard_artifacts, standard_component_specs
from tfx.types.component_spec import ChannelParameter, ExecutionParameter
from tfx.utils import json_utils, path_utils

from components import progress
from components.blessing import mark
from components.evaluator import measurement, results, summary, verdict
from components.evaluator.settings import EvaluationConfig
from models import manifest
from models.prediction_measures import OVERALL
from models.training import evaluation_log

TEST = "test"
MODEL_RUN = "model_run"
SETTINGS = "settings"


class EvaluatorSpec(standard_component_specs.EvaluatorSpec):
    """The stock Evaluator's, the bounds, and the training's event files."""

    PARAMETERS = {  # noqa: RUF012
        **standard_component_specs.EvaluatorSpec.PARAMETERS,
        SETTINGS: ExecutionParameter(type=str),
    }
    INPUTS = {  # noqa: RUF012
        **standard_component_specs.EvaluatorSpec.INPUTS,
        MODEL_RUN: ChannelParameter(type=standard_artifacts.ModelRun),
    }


class Executor(executor.Executor):
    """Chooses how to compare, runs TFX's executor, judges, and writes the summary."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        settings = EvaluationConfig.model_validate_json(exec_properties[SETTINGS])
        inputs = dict(input_dict)
        baseline, reached = _choose_baseline(inputs)
        super().Do(inputs, output_dict, exec_properties)
        directory = artifact_utils.get_single_uri(output_dict[standard_component_specs.EVALUATION_KEY])
        measured = results.read(directory)
        judgement = verdict.judge(
            settings, measured.metrics, measured.tokens, measured.baseline_metrics, reached
        )
        evaluation = summary.EvaluationSummary(
            blessed=judgement.passed,
            baseline=baseline,
            metrics=measured.metrics,
            tokens=measured.tokens,
            reliability=measured.reliability,
            baseline_metrics=measured.baseline_metrics,
            failures=judgement.failures,
            remarks=judgement.remarks,
        )
        summary.write(directory, evaluation)
        _bless(output_dict, inputs, evaluation.blessed)
        model_run = artifact_utils.get_single_uri(input_dict[MODEL_RUN])
        evaluation_log.write(model_run, evaluation.metrics)
        progress.report(evaluation.verdict())


def _choose_baseline(inputs: dict[str, list[types.Artifact]]) -> tuple[str, float | None]:
    """Removes a baseline that cannot be compared row by row; says in words what is compared, and what such
    a baseline had reached."""
    baseline_uri = artifact_utils.get_single_uri(inputs[standard_component_specs.BASELINE_MODEL_KEY])
    baseline_model = path_utils.serving_model_dir(baseline_uri)
    if not fileio.exists(baseline_model):
        del inputs[standard_component_specs.BASELINE_MODEL_KEY]
        return "nothing to compare with yet", None
    model_uri = artifact_utils.get_single_uri(inputs[standard_component_specs.MODEL_KEY])
    candidate = manifest.read(path_utils.serving_model_path(model_uri))
    baseline = manifest.read(baseline_model)
    if candidate.comparable_by_row(baseline):
        return "compared with the model pushed last", None
    del inputs[standard_component_specs.BASELINE_MODEL_KEY]
    reached = float(baseline.evaluation[OVERALL]["bits_per_byte"])
    had = f"and had {reached:.3f} bits per byte"
    return f"the model pushed last has another tokenizer or context, {had}", reached


def _bless(
    outputs: dict[str, list[types.Artifact]], inputs: dict[str, list[types.Artifact]], is_blessed: bool
) -> None:
    """Says so, and of which models."""
    blessing = artifact_utils.get_single_instance(outputs[standard_component_specs.BLESSING_KEY])
    for key, uri_property, id_property in (
        (
            standard_component_specs.MODEL_KEY,
            constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY,
            constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY,
        ),
        (
            standard_component_specs.BASELINE_MODEL_KEY,
            constants.ARTIFACT_PROPERTY_BASELINE_MODEL_URI_KEY,
            constants.ARTIFACT_PROPERTY_BASELINE_MODEL_ID_KEY,
        ),
    ):
        for model in inputs.get(key, []):
            blessing.set_string_custom_property(uri_property, model.uri)
            blessing.set_int_custom_property(id_property, model.id)
    mark(blessing, is_blessed)


class Evaluator(component.Evaluator):
    """Measures a model on the test split and blesses it, or not.

    Outputs:
      evaluation: TFMA's results and `components.evaluator.summary.FILE`.
      blessing: ``ModelBlessing``.

    The metrics of the overall slice and the others also go to the event files of ``model_run``.
    """

    SPEC_CLASS = EvaluatorSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        packed_examples: types.BaseChannel,
        model: types.BaseChannel,
        baseline: types.BaseChannel,
        model_run: types.BaseChannel,
        evaluation: EvaluationConfig,
    ) -> None:
        base_beam_component.BaseBeamComponent.__init__(
            self,
            spec=EvaluatorSpec(
                examples=packed_examples,
                model=model,
                baseline_model=baseline,
                model_run=model_run,
                eval_config=measurement.eval_config(),
                example_splits=json_utils.dumps([TEST]),
                settings=evaluation.model_dump_json(),
                evaluation=types.Channel(type=standard_artifacts.ModelEvaluation),
                blessing=types.Channel(type=standard_artifacts.ModelBlessing),
            ),
        )
