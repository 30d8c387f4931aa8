"""``lexmill image build``."""

from __future__ import annotations

import shlex

from pipeline.kubeflow import image


def build_image(tag: str | None, gpu: bool, python: str | None, base: str | None, dry_run: bool) -> int:
    """Builds the image, or says what would be done; returns Docker's exit status."""
    folder = image.source_folder()
    build = image.Build(
        tag=tag or ("lexmill:latest-gpu" if gpu else "lexmill:latest"),
        base=base or image.base_image(python or image.default_python()),
        gpu=gpu,
    )
    if dry_run:
        files = image.context_files(folder)
        size = sum(path.stat().st_size for path in files.values())
        print(f"build context: {len(files)} files of {folder}, {size:,} bytes, sent as an archive to")
        print(f"  {shlex.join(build.command())}")
        return 0
    print(f"Docker engine {image.engine_version()}: {shlex.join(build.command())}", flush=True)
    status = image.run(build, folder)
    if status == 0:
        print(f"built {build.tag}\nnext: docker push {shlex.quote(build.tag)}, and name it in kubeflow.image")
    return status
