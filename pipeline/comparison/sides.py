"""One run as it is compared: what it was given, and what came of it, gathered from wherever it lies.

What is not there (a run without recorded code, a corpus of an earlier version, an evaluation that was never
reached) is None, and the comparison says so instead of calling it different.
"""

from __future__ import annotations

import dataclasses
import shlex
from typing import Any

from apache_beam.io.filesystems import FileSystems

from components.corpus_gen import source_files
from components.corpus_gen.counts import CORPUS_REPORT, CorpusCounts
from components.corpus_gen.source_files import SourceFile
from components.evaluator.summary import EvaluationSummary
from pipeline import config as configuration
from pipeline import history, run_folder
from pipeline.code_version import CodeVersion
from pipeline.config import PipelineConfig

_REJECTED = ("CorpusGen", "rejected")


@dataclasses.dataclass(frozen=True)
class Side:
    """One run."""

    pipeline: str
    run_id: str
    configuration: dict[str, Any]
    """Empty when it is gone."""
    counts: CorpusCounts | None
    files: dict[tuple[str, str], SourceFile] | None
    """(source, path) -> file."""
    code: CodeVersion | None
    evaluation: EvaluationSummary | None

    @property
    def label(self) -> str:
        return f"{self.pipeline} {self.run_id}"


def gather(run: str, config_name: str, overrides: list[str]) -> Side:
    """The run that the command line names.

    Args:
      run: its id, or ``CONFIGURATION@ID`` for one of another pipeline.
      config_name: whose run it is where ``run`` does not say.

    Raises:
      MissingInputError: there is no such run; the message names those that there are.
    """
    name, at, run_id = run.rpartition("@")
    config = configuration.load(name if at else config_name, overrides)
    command = shlex.join(["lexmill", "run", name if at else config_name])
    found = history.choose(config, run_id, command)
    folder = run_folder.read(config, found.run_id)
    counts, files = _corpus(config, found.run_id)
    return Side(config.name, found.run_id, folder.configuration, counts, files, folder.code, found.evaluation)


def _corpus(
    config: PipelineConfig, run_id: str
) -> tuple[CorpusCounts | None, dict[tuple[str, str], SourceFile] | None]:
    uri = history.output_uris(config, run_id).get(_REJECTED)
    if uri is None or not FileSystems.exists(f"{uri}/{CORPUS_REPORT}"):
        return None, None
    with FileSystems.open(f"{uri}/{CORPUS_REPORT}") as file:
        counts = CorpusCounts.model_validate_json(file.read())
    files = {(each.source, each.path): each for each in source_files.read(uri)}
    return counts, files or None
