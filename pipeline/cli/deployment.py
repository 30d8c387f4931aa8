"""Running elsewhere: submit, image build."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from pipeline.cli.options import DEFAULT, Config, Set
from pipeline.kubeflow.target import Target

app = typer.Typer()
image_app = typer.Typer(no_args_is_help=True, help="Build the container image of the pipeline's stages.")
app.add_typer(image_app, name="image")


@app.command()
def submit(
    config: Config = DEFAULT,
    overrides: Set = None,
    target: Annotated[Target, typer.Option(help="Who runs it.")] = Target.KUBEFLOW,
    host: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            envvar="KF_PIPELINES_ENDPOINT", help="Kubeflow: https://HOST/pipeline; else kubeflow.submit.host."
        ),
    ] = None,
    namespace: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="Kubeflow: yours, on a server with several users."),
    ] = None,
    experiment: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="Kubeflow: under which the run is listed; made when it is not there."),
    ] = None,
    project: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="Vertex AI: the Google Cloud project; else vertex.submit.project."),
    ] = None,
    region: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="Vertex AI: where; else vertex.submit.region."),
    ] = None,
    follow: Annotated[bool, typer.Option(help="Show the run until it has ended.")] = True,
    follow_run: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(metavar="ID", help="Start none, and follow this one."),
    ] = None,
    cancel_run: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(metavar="ID", help="Start none, and end this one."),
    ] = None,
    every: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(metavar="TIME", help="Kubeflow: start a run every 30m, 6h or 1d instead of one now."),
    ] = None,
    cron: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(metavar="FIELDS", help="Kubeflow: start runs at these times: six fields, with seconds."),
    ] = None,
    end_schedule: Annotated[
        bool, typer.Option("--end-schedule", help="Start none, and have none started any more.")
    ] = False,
    if_new_data: Annotated[
        bool,
        typer.Option("--if-new-data", help="Kubeflow: start none on the data that the last one had."),
    ] = False,
) -> None:
    """Compile the pipeline, upload it, start a run and follow it.

    With --every or --cron, have the server start runs, one at a time, in place of those that it was told to
    start before.

    Exit status as of 'lexmill run': 0, 3 when the model was not pushed, 1 when a stage failed or the server
    refused; 0 also where the server does not tell if the model was pushed. A token for Kubeflow is taken from
    LEXMILL_KFP_TOKEN, or from the file that LEXMILL_KFP_TOKEN_FILE names.
    """
    from pipeline.commands.submit import Request, submit
    from pipeline.kubeflow import schedule

    request = Request(
        config,
        overrides or [],
        target,
        host,
        namespace,
        experiment,
        project,
        region,
        follow,
        follow_run,
        cancel_run,
        schedule.read(every, cron),
        end_schedule,
        if_new_data,
    )
    raise typer.Exit(submit(request))


@image_app.command("build")
def image_build(
    gpu: Annotated[bool, typer.Option("--gpu", help="With CUDA's libraries.")] = False,
    tag: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            help="What the image is called, with its registry; lexmill:latest or lexmill:latest-gpu."
        ),
    ] = None,
    python: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="3.10 has the base stack, 3.11 to 3.13 the modern one; as .python-version says."),
    ] = None,
    base: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            help="Start from this image, such as python:3.10-slim-bookworm@sha256:..., instead of its tag."
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done.")] = False,
) -> None:
    """Build one image for every stage, from a clone of the repository, with this machine's Docker engine."""
    from pipeline.commands.image import build_image

    raise typer.Exit(build_image(tag, gpu, python, base, dry_run))
