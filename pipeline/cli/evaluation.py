"""Judging a model: evaluate."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from pipeline.cli.options import DEFAULT, Set

app = typer.Typer()


@app.command()
def evaluate(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A TOML file or a sample's name (its version pushed last), NAME@VERSION, a run as "
            "'lexmill runs' lists it, or a model's folder.",
        ),
    ] = DEFAULT,
    config: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--config", help="Whose run or folder it is: a TOML file or a sample's name."),
    ] = None,
    overrides: Set = None,
    text: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--text", metavar="FILE", help="Measure on this text instead of the test split."),
    ] = None,
    prompts: Annotated[
        int,
        typer.Option(min=0, help="How many prompts are continued for the quality of generation; 0: none."),
    ] = 32,
    html: Annotated[bool, typer.Option("--html", help="Write one HTML page, too.")] = False,
    output: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("-o", "--output", help="The page's file; in the pipeline's folder by default."),
    ] = None,
) -> None:
    """Measure a pushed or past model: metrics by slice, against the one before, and the verdict."""
    from pipeline.commands.evaluate import evaluate_model

    raise typer.Exit(evaluate_model(model, config, overrides or [], text, prompts, html, output))
