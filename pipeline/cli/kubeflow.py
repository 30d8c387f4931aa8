"""The pipeline on Kubeflow: compile."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli.options import DEFAULT, Config, Set

app = typer.Typer()


@app.command("compile")
def compile_(
    config: Config = DEFAULT,
    output: Annotated[
        str, typer.Option("-o", "--output", help="The file to write, .yaml.")
    ] = "pipeline.yaml",
    overrides: Set = None,
) -> None:
    """Compile the pipeline for Kubeflow Pipelines (v2 specification)."""
    from pipeline.commands.compile import compile_pipeline

    compile_pipeline(config, overrides or [], output)
    typer.echo(f"wrote {output}")
