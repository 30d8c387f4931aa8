"""Runs the image's Dockerfile where there is no Docker: step by step, each stage in a root folder of its own.

    python tests/benchmarks/image_without_docker.py FOLDER [--python 3.10] [--build-arg NAME=VALUE] [--keep]

It reads `pipeline/kubeflow/Dockerfile` and does what it says: RUN in a chroot, COPY from the build context
that `lexmill image build` would send or from an earlier stage, ENV, ARG, WORKDIR, USER, CMD. Then it runs
`CHECKS` in the result as the image's user with the image's environment and nothing else. The base image is
made by debootstrap from the distribution that its tag names, with this machine's own Python copied to
/usr/local, where the official image has it. Needs root, debootstrap, a Python of the version wanted
(pyenv), the package registries, and 12 GB in FOLDER; some ten minutes. It is no part of the test suite.
What it does not show: layers, and Docker's own caching.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline import samples
from pipeline.kubeflow import image, recipe

CHECKS = {
    "user": ["sh", "-c", "test $(id -u) != 0 && touch ~/a && rm ~/a && ! touch /opt/lexmill/a 2>&1"],
    "command": ["lexmill", "--help"],
    "configuration": ["lexmill", "config", "check", "tiny"],
    "executor": [
        "python", "-m", "tfx.orchestration.kubeflow.v2.container.kubeflow_v2_run_executor", "--help",
    ],
    "stage": ["python", "-c", "import pipeline.kubeflow.container, tfx.components, apache_beam, keras_hub"],
    "doctor": ["lexmill", "doctor"],
    "pipeline": ["lexmill", "run", "tiny", "--ask", "To be"],
}  # fmt: skip
"""Name -> what is run in the finished root."""
_LOAD = """
import ctypes, pathlib, sysconfig
files = sorted(pathlib.Path(sysconfig.get_path("purelib")).glob("nvidia/*/lib/lib*.so.*"))
for file in files:
    ctypes.CDLL(file.name)
import tensorflow
build = tensorflow.sysconfig.get_build_info()
assert build["is_cuda_build"] and len(files) > 10
print(f"{len(files)} libraries, TensorFlow for CUDA {build['cuda_version']}, cuDNN {build['cudnn_version']}")
"""
GPU_CHECKS = {"CUDA's libraries": ["python", "-c", _LOAD]}
"""The same, where the image is for GPUs: the loader finds each library by its name, without a path."""
_NETWORK = ("PIP_CERT", "SSL_CERT_FILE", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


class Root:
    """A folder that is a machine's root: one stage."""

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        self.folder = folder
        self.environment: dict[str, str] = {
            "PATH": "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
        }
        self.arguments = dict(variables)
        self.workdir, self.user = "/", "0"

    def run(self, command: Sequence[str], network: bool = False) -> subprocess.CompletedProcess[str]:
        """As the stage's user, in its working directory, with its environment alone."""
        user, _, group = self.user.partition(":")
        chroot = ["chroot", f"--userspec={user}:{group or user}", "--groups=", str(self.folder)]
        inside = ["/bin/sh", "-c", 'cd "$0" && exec "$@"', self.workdir, *command]
        outside = {name: os.environ[name] for name in _NETWORK if network and name in os.environ}
        variables = (f"{name}={value}" for name, value in {**outside, **self._all()}.items())
        whole = [*chroot, "/usr/bin/env", "-i", *variables, *inside]
        return subprocess.run(whole, capture_output=True, text=True, check=False)

    def _all(self) -> dict[str, str]:
        return {**self.arguments, **self.environment}

    def do(self, step: recipe.Instruction, context: Path, stages: Mapping[str, Root]) -> None:
        """One instruction."""
        if step.keyword == "RUN":
            done = self.run(step.command(), network=True)
            if done.returncode:
                sys.exit(
                    f"line {step.line}: status {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
                )
        elif step.keyword == "ARG":
            for name, default in step.settings().items():
                self.arguments.setdefault(name, default)
        elif step.keyword == "ENV":
            self.environment |= {k: recipe.expand(v, self._all()) for k, v in step.settings().items()}
        elif step.keyword == "WORKDIR":
            self.workdir = recipe.expand(step.text, self._all())
            self.path(self.workdir).mkdir(parents=True, exist_ok=True)
        elif step.keyword == "USER":
            self.user = step.text
        elif step.keyword == "COPY":
            origin, sources, destination = step.copied()
            for source in sources:
                self._copy(stages[origin].path(source) if origin else context / source, destination)

    def path(self, inside: str) -> Path:
        return self.folder / inside.lstrip("/")

    def _copy(self, source: Path, destination: str) -> None:
        """A folder's content goes into the destination; a file too, if that ends with a slash."""
        target = self.path(os.path.normpath(Path(self.workdir) / destination))
        if source.is_dir():
            target.mkdir(parents=True, exist_ok=True)
            subprocess.run(["cp", "-a", f"{source}/.", str(target)], check=True)
        else:
            folder = target if destination.endswith("/") else target.parent
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, folder / source.name if destination.endswith("/") else target)


def base_root(image_name: str, folder: Path) -> None:
    """What the official ``python:X.Y-slim-SUITE`` holds, as far as the recipe can tell the difference."""
    version, _, suite = image_name.partition(":")[2].partition("@")[0].partition("-slim-")
    if folder.exists():
        return
    packages = "ca-certificates,netbase,tzdata,libsqlite3-0,libffi8,libexpat1,libncursesw6,libuuid1,"
    renamed = suite == "trixie"  # There, a 64-bit time is in these libraries' names.
    packages += "libssl3t64,libreadline8t64,libdb5.3t64" if renamed else "libssl3,libreadline8,libdb5.3"
    scratch = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(scratch, ignore_errors=True)
    command = ["debootstrap", "--variant=minbase", f"--include={packages}", suite, str(scratch)]
    with folder.with_name(f"{folder.name}.log").open("w") as log:
        subprocess.run(command, check=True, stdout=log, stderr=log)
    [python, *_] = sorted(Path.home().glob(f".pyenv/versions/{version}.*"), reverse=True)
    subprocess.run(["cp", "-a", f"{python}/.", str(scratch / "usr/local")], check=True)
    for tests in (scratch / "usr/local/lib").glob("python*/test"):
        shutil.rmtree(tests)
    for extra in (scratch / "usr/local/lib").glob("python*/site-packages/*"):
        if not extra.name.startswith(
            ("pip", "setuptools", "_distutils", "distutils-precedence", "pkg_resources")
        ):
            shutil.rmtree(extra) if extra.is_dir() else extra.unlink()
    for script in (scratch / "usr/local/bin").iterdir():
        first = b"" if script.is_symlink() else script.read_bytes()
        if first.startswith(f"#!{python}/".encode()):
            script.write_bytes(first.replace(str(python).encode(), b"/usr/local", 1))
    subprocess.run(["chroot", str(scratch), "ldconfig"], check=True)
    # Only so that the registries can be reached from in there.
    shutil.copy("/etc/resolv.conf", scratch / "etc/resolv.conf")
    certificates = Path(os.environ.get("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt"))
    shutil.copy(certificates, scratch / "etc/ssl/certs/ca-certificates.crt")
    scratch.rename(folder)


def build(folder: Path, arguments: Mapping[str, str]) -> Root:
    """Every stage of the Dockerfile, in order; the last one."""
    plan = recipe.read(recipe.FILE.read_text(encoding="utf-8"))
    context = folder / "context"
    shutil.rmtree(context, ignore_errors=True)
    context.mkdir(parents=True)
    with subprocess.Popen(["tar", "-x", "-C", str(context)], stdin=subprocess.PIPE) as tar:
        assert tar.stdin is not None
        image.write_context(image.source_folder(), tar.stdin)
    stages: dict[str, Root] = {}
    root = Root(folder, {})
    for index, stage in enumerate(plan.stages):
        name = recipe.expand(stage.base, {**plan.arguments, **arguments})
        base = folder / name.replace(":", "-").replace("/", "-")
        base_root(name, base)
        root = Root(
            folder / (stage.name or f"stage{index}"), {k: v for k, v in arguments.items() if k != "BASE"}
        )
        shutil.rmtree(root.folder, ignore_errors=True)
        subprocess.run(["cp", "-a", "--reflink=auto", str(base), str(root.folder)], check=True)
        subprocess.run(["mount", "-t", "proc", "proc", str(root.path("/proc"))], check=True)
        try:
            for step in stage.instructions:
                started = time.monotonic()
                root.do(step, context, stages)
                seconds = time.monotonic() - started
                print(f"{seconds:7.1f} s  line {step.line}: {step.keyword} {step.text[:90]}", flush=True)
        finally:
            subprocess.run(["umount", str(root.path("/proc"))], check=True)
        root.arguments = {}
        stages[stage.name or str(index)] = root
    return root


def sizes(root: Root) -> list[tuple[str, int]]:
    """What takes how much: the whole, the environment, and its largest packages."""
    packages = next(root.path("/opt/lexmill/lib").glob("python3*/site-packages"))
    groups = [[root.folder], [root.path("/opt/lexmill")], list(packages.iterdir())]
    found = []
    for folders in groups:  # du counts no file twice, so that a folder and what is in it are asked for apart.
        du = ["du", "-sBMB", *map(str, folders)]
        done = subprocess.run(du, capture_output=True, text=True, check=True)
        found += [line.split("\t") for line in done.stdout.splitlines()]
    pairs = ((Path(path).name, int(size.removesuffix("MB"))) for size, path in found)
    return sorted(pairs, key=lambda pair: -pair[1])[:22]


def check(root: Root, checks: Mapping[str, Sequence[str]]) -> int:
    """Runs them; the number that failed."""
    failed = 0
    shared = ["mount", "-t", "tmpfs", "-o", "size=64m,mode=1777", "tmpfs"]  # As Docker's.
    mounts = [["mount", "-t", "proc", "proc", str(root.path("/proc"))], [*shared, str(root.path("/dev/shm"))]]
    for mount in mounts:
        subprocess.run(mount, check=True)
    try:
        # No part of the image: what the tiny configuration reads.
        samples.prepare("shakespeare", root.path("/home/lexmill/data/shakespeare"))
        subprocess.run(["chown", "-R", "10001:0", str(root.path("/home/lexmill"))], check=True)
        for name, command in checks.items():
            started = time.monotonic()
            done = root.run(command)
            right = done.returncode == 0
            failed += not right
            print(f"{'ok' if right else 'FAILED'} {name} ({time.monotonic() - started:.1f} s)")
            print("".join(f"    {line}\n" for line in (done.stdout + done.stderr).strip().splitlines()[-20:]))
    finally:
        for mount in reversed(mounts):
            subprocess.run(["umount", mount[-1]], check=True)
    return failed


def main() -> None:
    parser = argparse.ArgumentParser(description="Run the image's Dockerfile without Docker.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--python", default=image.default_python())
    parser.add_argument("--build-arg", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--keep", action="store_true", help="keep the finished root")
    asked = parser.parse_args()
    if os.geteuid() or not shutil.which("debootstrap"):
        sys.exit("needs root and debootstrap: apt-get install debootstrap")
    folder = asked.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    arguments = dict(word.partition("=")[::2] for word in asked.build_arg)
    arguments.setdefault("BASE", image.base_image(asked.python))
    started = time.monotonic()
    root = build(folder, arguments)
    print(f"built in {time.monotonic() - started:.0f} s")
    print("".join(f"{megabytes:8,d} MB  {name}\n" for name, megabytes in sizes(root)))
    gpu = "--extra gpu" in arguments.get("EXTRAS", "")
    failed = check(root, CHECKS | GPU_CHECKS if gpu else CHECKS)
    shutil.rmtree(folder / "build", ignore_errors=True)
    if not asked.keep:
        shutil.rmtree(root.folder)
    sys.exit(failed)


if __name__ == "__main__":
    main()
