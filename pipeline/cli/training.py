"""Looking at training: tensorboard, train-report."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from pipeline.cli.options import DEFAULT, Set

app = typer.Typer()


@app.command()
def tensorboard(
    configs: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Argument(
            metavar="CONFIG",
            help="TOML files, or names of samples; all pipelines in the output folder when none is given.",
            show_default=False,
        ),
    ] = None,
    overrides: Set = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port.")] = 6006,
) -> None:
    """Open TensorBoard on the training runs, those under way too."""
    from pipeline.commands.tensorboard import start_tensorboard

    raise typer.Exit(start_tensorboard(configs or [], overrides or [], host, port))


@app.command("train-report")
def train_report(
    run_id: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(metavar="RUN", help="As 'lexmill runs' lists it; the latest when left out."),
    ] = None,
    config: Annotated[
        str, typer.Option("--config", help="Whose run it is: a TOML file or a sample's name.")
    ] = DEFAULT,
    overrides: Set = None,
    output: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("-o", "--output", help="The file to write; report.html in the run's folder by default."),
    ] = None,
) -> None:
    """Write one HTML page of a run: curves, samples, evaluation, lineage, configuration."""
    from pipeline.commands.report import write_report

    typer.echo(f"wrote {write_report(config, overrides or [], run_id, output)}")
