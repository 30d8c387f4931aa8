"""Memory that training takes: of this process, and of each GPU."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

import tensorflow as tf

_STATM = Path("/proc/self/statm")


def host_bytes() -> int:
    """Resident memory of this process; where the system does not tell it, the most that it ever was."""
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else 1024 * peak


def gpu_peak_bytes() -> list[int]:
    """For each GPU, the most that TensorFlow has held of it at a time, since the last call."""
    peaks = []
    for index in range(len(tf.config.list_logical_devices("GPU"))):
        device = f"GPU:{index}"
        peaks.append(int(tf.config.experimental.get_memory_info(device)["peak"]))
        tf.config.experimental.reset_memory_stats(device)
    return peaks
