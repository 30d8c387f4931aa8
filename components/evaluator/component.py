"""Evaluator: TFX's own (TensorFlow Model Analysis), with a baseline that may be missing.

A component's output is never absent, so `components.baseline_finder` leaves an empty
folder where there is nothing to compare with; TFX's executor would take that for a model.
A baseline with another tokenizer cannot read the candidate's rows: then the bits per byte
that it reached when it was pushed become the bound, since those can be compared.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import json_format
from tensorflow_model_analysis.proto import config_pb2
from tfx import types
from tfx.components.evaluator import component, executor
from tfx.dsl.components.base import executor_spec
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import path_utils

from components import progress
from components.config import EvaluationConfig
from components.evaluator import results, summary, thresholds
from models import manifest

TEST = "test"


class Executor(executor.Executor):
    """Chooses how to compare, runs TFX's executor, and writes the summary."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        inputs, properties = dict(input_dict), dict(exec_properties)
        baseline = _choose_baseline(inputs, properties)
        super().Do(inputs, output_dict, properties)
        directory = artifact_utils.get_single_uri(output_dict[standard_component_specs.EVALUATION_KEY])
        evaluation = results.summarize(directory, baseline)
        summary.write(directory, evaluation)
        progress.report(evaluation.verdict())


def _choose_baseline(inputs: dict[str, list[types.Artifact]], properties: dict[str, Any]) -> str:
    """Removes a baseline that cannot be compared row by row; says in words what is compared."""
    baseline_uri = artifact_utils.get_single_uri(inputs[standard_component_specs.BASELINE_MODEL_KEY])
    baseline_model = path_utils.serving_model_dir(baseline_uri)
    if not fileio.exists(baseline_model):
        del inputs[standard_component_specs.BASELINE_MODEL_KEY]
        return "nothing to compare with yet"
    model_uri = artifact_utils.get_single_uri(inputs[standard_component_specs.MODEL_KEY])
    candidate = manifest.read(path_utils.serving_model_path(model_uri))
    baseline = manifest.read(baseline_model)
    if candidate.comparable_by_row(baseline):
        return "compared with the model pushed last"
    del inputs[standard_component_specs.BASELINE_MODEL_KEY]
    reached = baseline.evaluation[summary.OVERALL][thresholds.BITS_PER_BYTE]
    key = standard_component_specs.EVAL_CONFIG_KEY
    config = json_format.Parse(properties[key], config_pb2.EvalConfig())
    thresholds.require_at_most(config, reached)
    properties[key] = json_format.MessageToJson(config)
    return f"the model pushed last has another tokenizer or context, and had {reached:.3f} bits per byte"


class Evaluator(component.Evaluator):
    """Measures a model on the test split and blesses it, or not.

    Outputs:
      evaluation: TFMA's results and `components.evaluator.summary.FILE`.
      blessing: ``ModelBlessing``.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        packed_examples: types.BaseChannel,
        model: types.BaseChannel,
        baseline: types.BaseChannel,
        evaluation: EvaluationConfig,
    ) -> None:
        super().__init__(
            examples=packed_examples,
            model=model,
            baseline_model=baseline,
            eval_config=thresholds.eval_config(evaluation),
            example_splits=[TEST],
        )
