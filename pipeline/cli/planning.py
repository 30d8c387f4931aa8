"""What a run would need, on paper: plan."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from pipeline.cli.options import DEFAULT, Config, Set

app = typer.Typer()


@app.command()
def plan(
    config: Config = DEFAULT,
    corpus_bytes: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(
            min=1.0, max=1e18, help="Bytes of text, such as 1e12; the files of corpus.path when left out."
        ),
    ] = None,
    parameters: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(
            min=1e3,
            max=1e13,
            help="Of the model outside its embeddings, such as 1.5e9; the configured one's.",
        ),
    ] = None,
    bytes_per_token: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(
            min=0.1, max=1e4, help="Of text; what a run measured, or a stated figure, when left out."
        ),
    ] = None,
    mb_per_core: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(
            min=1e-6, max=1e6, help="MB of text that a core does in a second, in each data stage; likewise."
        ),
    ] = None,
    gpu: Annotated[str, typer.Option(help="By its maker's name: H100, A100, L4.")] = "H100",
    gpu_memory_gb: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(min=1.0, max=1e6, help="Where it is not the published one."),
    ] = None,
    gpus: Annotated[int, typer.Option(min=1, help="How many train together.")] = 8,
    utilisation: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(min=0.001, max=1.0, help="Share of the peak that training reaches; 0.4 when left out."),
    ] = None,
    data_hours: Annotated[float, typer.Option(min=0.1, max=1e6, help="The time that Beam may take.")] = 24.0,
    worker_cores: Annotated[int, typer.Option(min=1, help="Cores of a Beam worker.")] = 4,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    overrides: Set = None,
) -> None:
    """Say, with the arithmetic, what a corpus and a model would need: workers, GPU hours, memory, storage."""
    from pipeline.commands.plan import show_plan
    from pipeline.needs.options import Options

    options = Options(
        corpus_bytes, parameters, bytes_per_token, mb_per_core, gpu, gpu_memory_gb, gpus, utilisation,
        data_hours, worker_cores,
    )  # fmt: skip
    show_plan(config, overrides or [], options, as_json)
