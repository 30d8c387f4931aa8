"""Running the pipeline: run, runs, doctor."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from pipeline.cli.options import DEFAULT, Config, Set

app = typer.Typer()


@app.command()
def run(
    config: Config = DEFAULT,
    overrides: Set = None,
    ask: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="When the model is pushed, ask it over gRPC to continue this text."),
    ] = None,
    compute: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(help="Choose model, batch, tokens and learning rate for this many training FLOPs."),
    ] = None,
    minutes: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(help="The same, for this many minutes of training on this machine."),
    ] = None,
    if_new_data: Annotated[
        bool,
        typer.Option(
            "--if-new-data", help="Do nothing if the last finished run had the data that is there now."
        ),
    ] = False,
) -> None:
    """Run the pipeline: text in, a pushed model out.

    Exit status 0: the model was blessed, and it is pushed; or there was no new data. 3: it was not blessed.
    1: a stage failed.
    """
    from pipeline.commands.run import run_pipeline
    from pipeline.compute_plan import budget_of

    budget = budget_of(compute, minutes, overrides or [])
    raise typer.Exit(run_pipeline(config, overrides or [], ask, budget, if_new_data))


@app.command()
def runs(config: Config = DEFAULT, overrides: Set = None) -> None:
    """List past runs: when, evaluation, blessed, pushed version."""
    from pipeline.commands.inspect import show_runs

    show_runs(config, overrides or [])


@app.command()
def doctor() -> None:
    """Say what works on this machine, what does not, and what to do."""
    from pipeline.commands.inspect import show_diagnosis

    raise typer.Exit(show_diagnosis())
