"""Showing and checking a configuration: config show, check, reference."""

from __future__ import annotations

import typer

from pipeline.cli.options import DEFAULT, Config, Set
from serving.silence import libraries_silenced

app = typer.Typer()
config_app = typer.Typer(no_args_is_help=True, help="Show or check a configuration.")
app.add_typer(config_app, name="config")


@config_app.command("show")
def config_show(config: Config = DEFAULT, overrides: Set = None) -> None:
    """Print the full configuration, defaults included, as JSON."""
    from pipeline.config import load

    typer.echo(load(config, overrides or []).model_dump_json(indent=2))


@config_app.command("check")
def config_check(config: Config = DEFAULT, overrides: Set = None) -> None:
    """Check a configuration, and say how large its model is; exit status 1 and a line for each mistake."""
    from models.networks import counts
    from pipeline.config import load

    loaded = load(config, overrides or [])
    with libraries_silenced():
        size = counts.count(loaded.model, loaded.tokenizer.max_pieces, loaded.packing.sequence_length)
    typer.echo(f"{config}: valid; {loaded.model.family} of {size.summary()}")


@config_app.command("reference")
def config_reference() -> None:
    """Print every field with its default and meaning, as Markdown."""
    from pipeline.reference import markdown

    typer.echo(markdown())
