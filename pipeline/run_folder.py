"""What a run keeps beside its log, in ``<root>/runs/<run>``: configuration, code, what each stage took."""

from __future__ import annotations

import dataclasses
import json
import resource
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from models.config import Settings
from pipeline import code_version
from pipeline.code_version import CodeVersion
from pipeline.config import PipelineConfig

CONFIGURATION = "config.json"
CODE = "code.json"
COSTS = "costs.json"


class StageCost(Settings):
    """What one stage took, that was not taken from the cache."""

    seconds: float
    cpu_s: float
    """Of this process and of the worker processes that it waited for."""


@dataclasses.dataclass(frozen=True)
class RunFolder:
    """Of one run; what is not there, or not readable any more, is empty."""

    configuration: dict[str, Any]
    code: CodeVersion | None
    costs: dict[str, StageCost]
    """By stage."""


def path(config: PipelineConfig, run_id: str) -> Path:
    return Path(config.root, "runs", run_id)


def record_configuration(config: PipelineConfig, run_id: str) -> None:
    """Keeps the full configuration of a run."""
    _write(path(config, run_id) / CONFIGURATION, config.model_dump_json(indent=2))


def record_code(config: PipelineConfig, run_id: str) -> None:
    """Keeps the version of the code that runs now."""
    _write(path(config, run_id) / CODE, code_version.current().model_dump_json(indent=2))


def record_cost(config: PipelineConfig, run_id: str, stage: str, cost: StageCost) -> None:
    """Keeps what a stage took beside what the stages before it did."""
    file = path(config, run_id) / COSTS
    costs = {**read_json(file), stage: cost.model_dump()}
    _write(file, json.dumps(costs, indent=2))


def cpu_s() -> float:
    """Spent so far by this process and by those of its children that have ended."""
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def read(config: PipelineConfig, run_id: str) -> RunFolder:
    folder = path(config, run_id)
    try:
        code = CodeVersion.model_validate_json((folder / CODE).read_text(encoding="utf-8"))
    except (OSError, ValidationError):
        code = None
    try:
        costs = {stage: StageCost.model_validate(cost) for stage, cost in read_json(folder / COSTS).items()}
    except ValidationError:
        costs = {}
    return RunFolder(read_json(folder / CONFIGURATION), code, costs)


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; empty where there is no such file, or none in JSON."""
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")
