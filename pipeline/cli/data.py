"""Looking at a run's data: data report, data peek, trace."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from pipeline.cli.options import DEFAULT, Config, OfRun, Set, Split

app = typer.Typer()
data_app = typer.Typer(no_args_is_help=True, help="Look at a run's data.")
app.add_typer(data_app, name="data")


@data_app.command("report")
def data_report(
    config: Config = DEFAULT,
    run_id: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(metavar="RUN", help="As 'lexmill runs' lists it; the latest when left out."),
    ] = None,
    output: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("-o", "--output", help="The file to write; data.html in the run's folder by default."),
    ] = None,
    overrides: Set = None,
) -> None:
    """Write one HTML page of a run's data: sources, languages, lengths, what was left out, tokens."""
    from pipeline.commands.data import write_report

    typer.echo(f"wrote {write_report(config, overrides or [], run_id, output)}")


@data_app.command("peek")
def data_peek(
    config: Config = DEFAULT,
    split: Split = "train",
    rows: Annotated[int, typer.Option(min=1, help="How many rows.")] = 3,
    start: Annotated[int, typer.Option(min=0, help="The first row, from 0.")] = 0,
    source: Annotated[Optional[str], typer.Option(help="Only rows of this source.")] = None,  # noqa: UP045
    tokens: Annotated[bool, typer.Option("--tokens", help="Show where tokens end.")] = False,
    run_id: OfRun = None,
    overrides: Set = None,
) -> None:
    """Show packed rows as text: where documents end, and what counts in the loss."""
    from pipeline.commands.data import peek

    peek(config, overrides or [], run_id, split, start, rows, source, tokens)


@app.command()
def trace(
    arguments: Annotated[
        list[str], typer.Argument(metavar="[CONFIG] ROW", help="A configuration, and a row's number, from 0.")
    ],
    split: Split = "train",
    run_id: OfRun = None,
    overrides: Set = None,
) -> None:
    """Say from which documents a packed row comes, and where in them it stands."""
    from pipeline.commands.data import row_number, show_trace

    *configs, row = arguments
    if len(configs) > 1:
        raise typer.BadParameter(f"{' '.join(arguments)}: expected a configuration and a row, or a row alone")
    show_trace(configs[0] if configs else DEFAULT, overrides or [], run_id, split, row_number(row))
