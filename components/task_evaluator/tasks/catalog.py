"""The tasks that there are. A new one is a module beside this one, and a line here."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field

from components.task_evaluator.tasks.addition import Addition
from components.task_evaluator.tasks.parity import Parity

AnyTask: TypeAlias = Annotated[Addition | Parity, Field(discriminator="task")]
"""An entry of ``tasks.evaluate``; its ``task`` says which."""
