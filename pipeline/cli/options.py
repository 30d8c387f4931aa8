"""Arguments and options that several commands take."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

Config = Annotated[str, typer.Argument(help="A TOML file, or the name of a sample: shakespeare, tiny.")]
Set = Annotated[
    Optional[list[str]],  # noqa: UP045 (Typer reads annotations at run time, on Python 3.10 too)
    typer.Option("--set", metavar="TABLE.FIELD=VALUE", help="Override one field; may be repeated."),
]
Prompt = Annotated[str, typer.Argument(help="The text to continue.")]
ConfigOption = Annotated[
    str, typer.Option("--config", help="Whose pushed model to use: a TOML file or a sample's name.")
]
Server = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(help="Ask this server, host:port (gRPC) or http://host:port, instead of starting one."),
]
Split = Annotated[str, typer.Option(help="train, eval or test.")]
OfRun = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--run", metavar="RUN", help="As 'lexmill runs' lists it; the latest when left out."),
]
DEFAULT = "shakespeare"
