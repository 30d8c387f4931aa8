"""The pipeline on Kubeflow: compile."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli.options import DEFAULT, Config, Set
from pipeline.kubeflow.targets import Target

app = typer.Typer()


@app.command("compile")
def compile_(
    config: Config = DEFAULT,
    output: Annotated[
        str, typer.Option("-o", "--output", help="The file to write, .yaml.")
    ] = "pipeline.yaml",
    target: Annotated[Target, typer.Option(help="Who will run it.")] = Target.KUBEFLOW,
    overrides: Set = None,
) -> None:
    """Compile the pipeline for Kubeflow Pipelines or Vertex AI Pipelines (v2 specification)."""
    from pipeline.commands.compile import compile_pipeline

    compile_pipeline(config, overrides or [], output, target)
    typer.echo(f"wrote {output}")
