"""Many models on one corpus: ladder."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from pipeline.cli.options import Set

app = typer.Typer()


@app.command()
def ladder(
    config: Annotated[
        str, typer.Argument(help="TOML file with a [ladder], or a sample's name.", show_default=True)
    ] = "emergence",
    overrides: Set = None,
    output: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "-o", "--output", help="The page to write; emergence.html in the pipeline's folder by default."
        ),
    ] = None,
) -> None:
    """Train the same pipeline at several sizes, and report which abilities emerge with scale.

    Exit status 0: every rung was trained and evaluated. 1: one of them failed. 3: a prediction of a largest
    rung was further off than the configuration allows.
    """
    from pipeline.commands.ladder import run_ladder

    raise typer.Exit(run_ladder(config, overrides or [], output))
