"""The ``lexmill`` command. Each command imports what it needs when it runs, so that help is quick."""

from __future__ import annotations

import sys
import warnings
from typing import Annotated, Optional

import typer

from pipeline.commands.backend import Backend
from pipeline.errors import PipelineError
from serving.silence import libraries_silenced

app = typer.Typer(
    name="lexmill",
    help="Text in, a served language model out: a TFX pipeline for language models.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
config_app = typer.Typer(no_args_is_help=True, help="Show or check a configuration.")
app.add_typer(config_app, name="config")
data_app = typer.Typer(no_args_is_help=True, help="Look at a run's data.")
app.add_typer(data_app, name="data")

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
) -> None:
    """Run the pipeline: text in, a pushed model out.

    Exit status 0: the model was blessed, and it is pushed. 3: it was not. 1: a stage failed.
    """
    from pipeline.commands.run import run_pipeline
    from pipeline.compute_plan import budget_of

    budget = budget_of(compute, minutes, overrides or [])
    raise typer.Exit(run_pipeline(config, overrides or [], ask, budget))


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


@app.command()
def tensorboard(
    configs: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Argument(
            metavar="CONFIG",
            help="TOML files, or names of samples; all pipelines in the output folder when none is given.",
            show_default=False,
        ),
    ] = None,
    overrides: Set = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port.")] = 6006,
) -> None:
    """Open TensorBoard on the training runs, those under way too."""
    from pipeline.commands.tensorboard import start_tensorboard

    raise typer.Exit(start_tensorboard(configs or [], overrides or [], host, port))


@app.command()
def runs(config: Config = DEFAULT, overrides: Set = None) -> None:
    """List past runs: when, evaluation, blessed, pushed version."""
    from pipeline.commands.inspect import show_runs

    show_runs(config, overrides or [])


@app.command("train-report")
def train_report(
    run_id: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(metavar="RUN", help="As 'lexmill runs' lists it; the latest when left out."),
    ] = None,
    config: Annotated[
        str, typer.Option("--config", help="Whose run it is: a TOML file or a sample's name.")
    ] = DEFAULT,
    overrides: Set = None,
    output: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("-o", "--output", help="The file to write; report.html in the run's folder by default."),
    ] = None,
) -> None:
    """Write one HTML page of a run: curves, samples, evaluation, lineage, configuration."""
    from pipeline.commands.report import write_report

    typer.echo(f"wrote {write_report(config, overrides or [], run_id, output)}")


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


@app.command("compile")
def compile_(
    config: Config = DEFAULT,
    output: Annotated[
        str, typer.Option("-o", "--output", help="The file to write, .yaml.")
    ] = "pipeline.yaml",
    overrides: Set = None,
) -> None:
    """Compile the pipeline for Kubeflow Pipelines (v2 specification)."""
    from pipeline.commands.compile import compile_pipeline

    compile_pipeline(config, overrides or [], output)
    typer.echo(f"wrote {output}")


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


@app.command()
def doctor() -> None:
    """Say what works on this machine, what does not, and what to do."""
    from pipeline.commands.inspect import show_diagnosis

    raise typer.Exit(show_diagnosis())


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
        size = counts.count(loaded.model, loaded.tokenizer.vocabulary_size, loaded.packing.sequence_length)
    typer.echo(f"{config}: valid; {loaded.model.family} of {size.summary()}")


@config_app.command("reference")
def config_reference() -> None:
    """Print every field with its default and meaning, as Markdown."""
    from pipeline.reference import markdown

    typer.echo(markdown())


def main() -> None:
    """Entry point: turns the failures that a user can mend into one line and exit status 1."""
    warnings.simplefilter("ignore")  # Libraries' deprecation notices are not for users.
    try:
        app()
    except PipelineError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        with libraries_silenced():
            from pipeline.failures import explain

        line = explain(error)
        if line is None:
            raise
        sys.exit(f"error: {line}")
