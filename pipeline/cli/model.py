"""Asking the pushed model: generate, score."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from pipeline.cli.options import DEFAULT, ConfigOption, Prompt, Server, Set

app = typer.Typer()


@app.command()
def generate(
    prompt: Prompt,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="At most this many tokens.")] = 64,
    temperature: Annotated[float, typer.Option(min=0.0, help="0 is greedy.")] = 0.8,
    top_k: Annotated[int, typer.Option(min=0, help="Among the k likeliest tokens; 0 is all.")] = 0,
    top_p: Annotated[float, typer.Option(min=0.0, max=1.0, help="Within this probability mass.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Same seed, same text.")] = 0,
    stop: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(help="End before this string; may be repeated."),
    ] = None,
    stream: Annotated[
        Optional[bool],  # noqa: UP045
        typer.Option(
            "--stream/--no-stream",
            help="Show the text as it grows. When neither is said: on a terminal, unless --server is given.",
        ),
    ] = None,
    config: ConfigOption = DEFAULT,
    overrides: Set = None,
    server: Server = None,
) -> None:
    """Continue a prompt with the pushed model."""
    from pipeline.commands.ask import generated_text

    pieces = generated_text(
        config,
        overrides or [],
        server,
        prompt,
        stream,
        max_new_tokens=max_new_tokens,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        seed=seed,
        stop=stop or [],
    )
    start = prompt
    for piece in pieces:
        typer.echo(start + piece, nl=False)
        start = ""
    typer.echo()


@app.command()
def score(
    file: Annotated[str, typer.Argument(help="A UTF-8 text file; '-' is standard input.")],
    config: ConfigOption = DEFAULT,
    overrides: Set = None,
    server: Server = None,
) -> None:
    """Log-probability, perplexity and bits per byte of a text under the pushed model."""
    from pipeline.commands.ask import score_file

    typer.echo(score_file(config, overrides or [], server, file))
