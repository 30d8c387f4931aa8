"""What a training run ran on: packages, machine, devices."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import socket
from pathlib import Path

import tensorflow as tf

from models.training import cores

_PACKAGES = ("lexmill", "tensorflow", "keras", "keras-hub", "tensorflow-text", "numpy", "tfx")


def describe() -> dict[str, str]:
    """Name -> value, in words: for a table."""
    build = tf.sysconfig.get_build_info()
    gpus = [_gpu(device) for device in tf.config.list_physical_devices("GPU")]
    cuda = f"{build.get('cuda_version', '?')}, cuDNN {build.get('cudnn_version', '?')}"
    return {
        "host": socket.gethostname(),
        "system": f"{platform.system()} {platform.release()}, {' '.join(platform.libc_ver())}".rstrip(" ,"),
        "processor": _processor(),
        "cores": str(cores.count()),
        "memory": _memory(),
        "GPUs": ", ".join(gpus) or "none",
        **({"CUDA": cuda} if gpus else {}),
        "Python": platform.python_version(),
        **{name: version for name in _PACKAGES if (version := _version(name))},
    }


def _gpu(device: tf.config.PhysicalDevice) -> str:
    return str(tf.config.experimental.get_device_details(device).get("device_name", device.name))


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _memory() -> str:
    return f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 1e9:.1f} GB"


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
