"""The lexmill command.

Each command imports what it needs when it runs, so that help is quick. A module
here declares the arguments of a group of commands; what they do is in `pipeline.commands`.
"""

from __future__ import annotations

import sys
import warnings

import typer

from pipeline.cli import (
    configuration,
    data,
    deployment,
    evaluation,
    kubeflow,
    ladder,
    lineage,
    model,
    planning,
    running,
    serving,
    training,
    training_job,
)
from pipeline.errors import PipelineError
from serving.silence import libraries_silenced

app = typer.Typer(
    name="lexmill",
    help="Text in, a served language model out: a TFX pipeline for language models.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for group in (
    running,
    model,
    evaluation,
    serving,
    training,
    data,
    ladder,
    lineage,
    planning,
    kubeflow,
    deployment,
    training_job,
    configuration,
):
    app.add_typer(group.app)


def main() -> None:
    """Entry point: turns the failures that a user can mend into one line and exit status 1."""
    warnings.simplefilter("ignore")  # Libraries' deprecation notices are not for users.
    try:
        app()
    except PipelineError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        with libraries_silenced():
            from pipeline.failures import explain

        line = explain(error)
        if line is None:
            raise
        sys.exit(f"error: {line}")
