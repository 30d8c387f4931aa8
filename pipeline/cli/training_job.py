"""Training on several machines of a cluster: training-job."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from pipeline.cli.options import DEFAULT, Config, Set

app = typer.Typer()


@app.command("training-job")
def training_job(
    config: Config = DEFAULT,
    output: Annotated[str, typer.Option("-o", "--output", help="The file to write, .yaml.")] = "tfjob.yaml",
    request: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="URI of the request that a Trainer stage wrote; a place for one when left out."),
    ] = None,
    overrides: Set = None,
) -> None:
    """Write the TFJob that trains on training_job.workers machines, as the Trainer stage creates it."""
    from pipeline.commands.training_job import write_training_job

    write_training_job(config, overrides or [], output, request)
    typer.echo(f"wrote {output}")
