"""The tasks that there are: a new one is a module beside this one, and a line here."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field

from components.task_evaluator.settings import TaskSettings
from components.task_evaluator.tasks.addition import Addition
from components.task_evaluator.tasks.cloze import Cloze
from components.task_evaluator.tasks.code_completion import CodeCompletion
from components.task_evaluator.tasks.copying import Copying
from components.task_evaluator.tasks.facts import Facts
from components.task_evaluator.tasks.induction import Induction
from components.task_evaluator.tasks.json_lines import JsonLines
from components.task_evaluator.tasks.modular_arithmetic import ModularArithmetic
from components.task_evaluator.tasks.parity import Parity
from components.task_evaluator.tasks.recall import Recall
from components.task_evaluator.tasks.sorting import Sorting
from components.task_evaluator.tasks.translation import Translation
from components.task_evaluator.tasks.trivia import Trivia
from components.task_evaluator.tasks.unscrambling import Unscrambling

GENERATED = (Addition, ModularArithmetic, Copying, Induction, Recall, Unscrambling, Parity, Sorting, Facts)
FROM_DATA = (Translation, Trivia, CodeCompletion, Cloze, JsonLines)

AnyTask: TypeAlias = Annotated[
    Addition
    | ModularArithmetic
    | Copying
    | Induction
    | Recall
    | Unscrambling
    | Parity
    | Sorting
    | Facts
    | Translation
    | Trivia
    | CodeCompletion
    | Cloze
    | JsonLines,
    Field(discriminator="task"),
]
"""An entry of ``tasks.evaluate``; its ``task`` says which."""


def tasks() -> dict[str, type[TaskSettings]]:
    """By name."""
    return {task.model_fields["task"].get_default(): task for task in (*GENERATED, *FROM_DATA)}
