"""Where a model comes from, and what differs between runs: lineage, diff."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from pipeline.cli.options import DEFAULT, Set

app = typer.Typer()

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def lineage(
    model: Annotated[
        str,
        typer.Argument(
            help="A configuration, for the version pushed last; CONFIGURATION@VERSION; or a pushed folder."
        ),
    ] = DEFAULT,
    config: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--config", help="Of a folder: the configuration whose records have it."),
    ] = None,
    output: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("-o", "--output", help="Write one HTML page instead, with the picture."),
    ] = None,
    svg: Annotated[Optional[str], typer.Option(help="Write the picture alone.")] = None,  # noqa: UP045
    files: Annotated[bool, typer.Option("--files", help="List every source file, not the first 20.")] = False,
    as_json: Json = False,
    overrides: Set = None,
) -> None:
    """Show where a pushed model comes from: stages, settings, code, source files with their hashes."""
    from pipeline.commands.lineage import show_lineage

    show_lineage(model, config, overrides or [], output, svg, files, as_json)


@app.command()
def diff(
    one: Annotated[str, typer.Argument(metavar="RUN", help="As 'lexmill runs' lists it.")],
    other: Annotated[str, typer.Argument(metavar="RUN", help="Another, or CONFIGURATION@RUN.")],
    config: Annotated[
        str, typer.Option("--config", help="Whose runs they are: a TOML file or a sample's name.")
    ] = DEFAULT,
    as_json: Json = False,
    overrides: Set = None,
) -> None:
    """Say what differs between two runs: configuration, data, code and metrics."""
    from pipeline.commands.diff import show_difference

    show_difference(one, other, config, overrides or [], as_json)
