"""TaskEvaluator: asks the model few-shot tasks, and blesses it, or not, by what they found."""

from __future__ import annotations

from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.utils import path_utils

from components import progress
from components.artifacts import TaskEvaluation
from components.blessing import mark
from components.task_evaluator.config import TasksConfig
from components.task_evaluator.tasks import json_lines

MODEL = "model"
DOCUMENTS = "documents"
REPORT = "report"
BLESSING = "blessing"
SETTINGS = "settings"
FILES = "files"
_TEST = "test"


class TaskEvaluatorSpec(ComponentSpec):
    """A model and the corpus's documents in, a report and a blessing out."""

    PARAMETERS = {  # noqa: RUF012
        SETTINGS: ExecutionParameter(type=str),
        FILES: ExecutionParameter(type=str),
    }
    INPUTS = {  # noqa: RUF012
        MODEL: ChannelParameter(type=standard_artifacts.Model),
        DOCUMENTS: ChannelParameter(type=standard_artifacts.Examples),
    }
    OUTPUTS = {  # noqa: RUF012
        REPORT: ChannelParameter(type=TaskEvaluation),
        BLESSING: ChannelParameter(type=standard_artifacts.ModelBlessing),
    }


class Executor(base_executor.BaseExecutor):
    """Asks, writes the report, and marks the blessing as TFX's Evaluator does."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        from components.task_evaluator import evaluation, held_out_texts, results, scalars
        from models import manifest

        settings = TasksConfig.model_validate_json(exec_properties[SETTINGS])
        saved_model = path_utils.serving_model_path(artifact_utils.get_single_uri(input_dict[MODEL]))
        needs_texts = any(task.task == "cloze" for task in settings.evaluate)
        split = artifact_utils.get_split_uri(input_dict[DOCUMENTS], _TEST)
        texts = held_out_texts.read(split) if needs_texts else ()
        evaluated = evaluation.evaluate(saved_model, settings, texts)

        directory = artifact_utils.get_single_uri(output_dict[REPORT])
        results.write(directory, evaluated.report, evaluated.items)
        scalars.write(directory, evaluated.report, manifest.read(saved_model).training.num_steps)
        mark(artifact_utils.get_single_instance(output_dict[BLESSING]), evaluated.report.blessed)
        progress.report(evaluated.report.verdict())


class TaskEvaluator(base_component.BaseComponent):
    """Measures what a model can do.

    Outputs:
      report: ``TaskEvaluation``.
      blessing: ``ModelBlessing``.
    """

    SPEC_CLASS = TaskEvaluatorSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, model: types.BaseChannel, documents: types.BaseChannel, settings: TasksConfig) -> None:
        """Args:
        model: with a SavedModel.
        documents: CorpusGen's, whose test split tasks may be made of.
        settings: which tasks.
        """
        paths = [task.path for task in settings.evaluate if isinstance(task, json_lines.JsonLines)]
        super().__init__(
            spec=TaskEvaluatorSpec(
                model=model,
                documents=documents,
                settings=settings.model_dump_json(),
                # So that another content of the same file is not taken for what is cached.
                files=json_lines.fingerprint(paths),
                report=types.Channel(type=TaskEvaluation),
                blessing=types.Channel(type=standard_artifacts.ModelBlessing),
            )
        )
