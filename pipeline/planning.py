"""What joins a compute plan with the data and the clock.

Called between the data stages, which tell how much text there is, and the Trainer. What was measured is
kept in `SPEEDS` in the pipeline's folder, so that the same command makes the same plan again and finds
its results in the cache; without that file it is measured again.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import json
import os
from pathlib import Path
from typing import Any

from tfx.dsl.io import fileio
from tfx.utils import io_utils

from components import progress
from components.artifacts import TOKENIZER_MODEL
from components.sequence_packer.counts import PACKING_REPORT, PackingReport
from components.trainer import calibration
from components.trainer.calibration import Speed
from components.trainer.settings import TrainerSettings
from models.scaling import Choice, Data
from models.training import cores
from pipeline import compute_plan
from pipeline.compute_plan import Budget, Plan
from pipeline.config import PipelineConfig
from pipeline.local import DataOutputs

SPEEDS = "speeds.json"
_NO_MATTER = {"num_steps", "learning_rate", "eval_every", "log_every", "checkpoint_every", "early_stopping"}
"""Training settings that do not change how long a step or a validation takes."""


def make(config: PipelineConfig, budget: Budget, outputs: DataOutputs) -> Plan:
    """The plan for what the data stages have made.

    Raises:
      ConfigError: see `compute_plan.make`.
    """
    with fileio.open(f"{outputs.rows_uri}/{PACKING_REPORT}", "rb") as file:
        report = PackingReport.model_validate_json(file.read())
    data = Data(report.total("train").tokens, report.vocabulary_size, report.packing.sequence_length)
    speeds = _RecordedSpeeds(Path(config.root, SPEEDS), config, data, outputs)
    plan = compute_plan.make(config.model, data, budget, speeds.measure)
    progress.report(plan.summary())
    return plan


@dataclasses.dataclass(frozen=True)
class _RecordedSpeeds:
    """Speeds by a hash of all that they depend on, in a JSON file."""

    path: Path
    config: PipelineConfig
    data: Data
    outputs: DataOutputs

    def measure(self, choice: Choice, steps_per_line: int) -> Speed:
        training = self.config.training.model_copy(
            update={"batch_size": choice.batch_size, "learning_rate": choice.learning_rate}
        )
        settings = TrainerSettings(
            model=choice.model, training=training, sequence_length=self.data.sequence_length
        )
        recorded: dict[str, Any] = json.loads(self.path.read_text()) if self.path.exists() else {}
        key = self._key(settings)
        if key not in recorded:
            model = choice.model
            progress.report(f"timing {model.num_layers} layers of {model.hidden_dim}")
            speed = calibration.measure(
                settings, self._tokenizer(), self._files("train"), self._files("eval"), steps_per_line
            )
            recorded[key] = speed.model_dump()
            self.path.write_text(json.dumps(recorded, indent=2) + "\n", encoding="utf-8")
        return Speed.model_validate(recorded[key])

    def _key(self, settings: TrainerSettings) -> str:
        parts = {
            "model": settings.model.model_dump(),
            "training": settings.training.model_dump(exclude=_NO_MATTER),
            "data": dataclasses.asdict(self.data),
            "tensorflow": importlib.metadata.version("tensorflow"),
            "machine": [os.uname().nodename, cores.count()],
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]

    def _tokenizer(self) -> bytes:
        with fileio.open(f"{self.outputs.tokenizer_uri}/{TOKENIZER_MODEL}", "rb") as file:
            return bytes(file.read())

    def _files(self, split: str) -> list[str]:
        return sorted(fileio.glob(io_utils.all_files_pattern(f"{self.outputs.rows_uri}/Split-{split}")))
