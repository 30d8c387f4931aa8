"""Serving the pushed model: serve, serving-config, serving-check."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from pipeline.cli.options import DEFAULT, Config, Set
from pipeline.commands.backend import Backend

app = typer.Typer()


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def serve(
    context: typer.Context,
    config: Config = DEFAULT,
    overrides: Set = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, help="gRPC port; 0 takes a free one.")] = 8500,
    rest_api_port: Annotated[int, typer.Option(min=0, help="REST port; 0 takes a free one.")] = 8501,
    backend: Annotated[
        Backend,
        typer.Option(help="auto: tensorflow_model_server where it is on PATH, else the embedded server."),
    ] = Backend.AUTO,
) -> None:
    """Serve the pushed model over gRPC and REST.

    Further flags are tensorflow_model_server's and go to the server, such as --enable_batching.
    """
    from pipeline.commands.serve import Listening, become, server_command

    flags = list(context.args)
    if config.startswith("-"):
        # A flag of the server's in the place of the configuration.
        config, flags = DEFAULT, [config, *flags]
    command = server_command(config, overrides or [], Listening(host, port, rest_api_port), backend, flags)
    typer.echo(command.says, err=True)
    become(command)


@app.command("serving-config")
def serving_config(
    configs: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Argument(
            metavar="CONFIG",
            help="TOML files, or names of samples: one server for all their models, run as the first one's "
            "\\[serving] table says; shakespeare when none is given.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[str, typer.Option("-o", "--output", help="The folder to write.")] = "serving-config",
    overrides: Set = None,
) -> None:
    """Write what runs the stock TensorFlow Serving: Dockerfile, Compose, Kubernetes, server files."""
    from pipeline.commands.serving_config import write_serving_config

    typer.echo("\n".join(write_serving_config(configs or [DEFAULT], overrides or [], output)))


@app.command("serving-check")
def serving_check(config: Config = DEFAULT, overrides: Set = None) -> None:
    """Check that the newest pushed version runs on the stock TensorFlow Serving; exit status 1 if not.

    Its ops, XLA, Python calls, output types, warm-up records and signatures, as ServingValidator does.
    """
    from pipeline.commands.serving_check import check_pushed

    problems, summary = check_pushed(config, overrides or [])
    for problem in problems:
        typer.echo(problem, err=True)
    typer.echo(summary)
    raise typer.Exit(int(bool(problems)))
