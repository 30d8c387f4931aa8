"""How many floating-point operations a second the training devices can do at most.

For GPUs that NVIDIA publishes figures of, those: dense (no structured sparsity), at boost clock,
for matrix products with float32 accumulation. In ``float32``, TensorFlow uses TF32 tensor cores
where there are any (``tf.config.experimental.enable_tensor_float_32_execution`` is on by default),
so theirs is the figure. Anything else, a CPU above all, is measured: the best of some large matrix
products, which is a bound in practice rather than in theory.
"""

from __future__ import annotations

import dataclasses
import functools
import time

import tensorflow as tf

_SIDES = (384, 512, 1024)
"""Of the matrices: small ones are done before another process takes the core, large ones are faster."""
_MEASURE_S = 0.12
"""For each side."""

# Device name, part of -> (in float32, with float16, with bfloat16) in TFLOP/s; the first that fits counts.
_PUBLISHED: dict[str, tuple[float, float, float]] = {
    "B200": (1100, 2250, 2250),
    "H200 NVL": (417.5, 835.5, 835.5),
    "H200": (494.7, 989.4, 989.4),
    "GH200": (494.7, 989.4, 989.4),
    "H100 PCIe": (378, 756, 756),
    "H100 NVL": (417.5, 835.5, 835.5),
    "H100": (494.7, 989.4, 989.4),
    "A100": (156, 312, 312),
    "A10": (62.5, 125, 125),
    "A40": (74.8, 149.7, 149.7),
    "A30": (82, 165, 165),
    "RTX A6000": (77.4, 154.8, 154.8),
    "L40S": (183, 362, 362),
    "L40": (90.5, 181, 181),
    "L4": (60, 121, 121),
    "V100-SXM": (15.7, 125, 15.7),
    "V100-PCIE": (14, 112, 14),
    "T4": (8.1, 65, 8.1),
    "P100-SXM": (10.6, 21.2, 10.6),
    "P100-PCIE": (9.3, 18.7, 9.3),
    "RTX 4090": (82.6, 165.2, 165.2),
    "RTX 3090": (35.6, 71, 71),
    "RTX 3080": (29.8, 59.5, 59.5),
}
_VARIANTS = {"Laptop", "D", "Ti", "SUPER", "Max"}
"""A GPU with one of these in its name is another than the one without, and slower or faster."""
_SOURCE = "NVIDIA's data sheet or architecture white paper"
_DTYPES = {"float32": "float32", "mixed_float16": "float16", "mixed_bfloat16": "bfloat16"}


@dataclasses.dataclass(frozen=True)
class PeakFlops:
    """The peak of all devices that train together."""

    flops_per_second: float
    source: str
    """Where the figure comes from, in words."""


def of_devices(precision: str, num_gpus: int, num_workers: int = 1) -> PeakFlops:
    """Of ``num_gpus`` GPUs like this machine's first, or of CPUs like its own when that is 0.

    Args:
      precision: Keras' dtype policy, as in the training configuration.
      num_gpus: of all workers together.
      num_workers: machines that train together.
    """
    dtype = _DTYPES[precision]
    if not num_gpus:
        machines = f", times {num_workers} workers" if num_workers > 1 else ""
        source = f"measured on this CPU as training began, by matrix products{machines}"
        return PeakFlops(num_workers * _measured("/CPU:0", dtype), source)
    [gpu, *_] = tf.config.list_physical_devices("GPU")
    name = str(tf.config.experimental.get_device_details(gpu).get("device_name", "unknown GPU"))
    single = published(name, dtype)
    if single is None:
        return PeakFlops(num_gpus * _measured("/GPU:0", dtype), f"measured on {num_gpus} x {name}")
    return PeakFlops(num_gpus * single, f"{num_gpus} x {name} in {dtype}, {_SOURCE}")


def published(device_name: str, dtype: str) -> float | None:
    """Operations per second of a GPU by the name that its driver gives; None when it is not known."""
    words = device_name.replace("-", " ").split()
    if _VARIANTS & set(words):
        return None
    for part, rates in _PUBLISHED.items():
        if _contains(words, part.replace("-", " ").split()):
            return rates[("float32", "float16", "bfloat16").index(dtype)] * 1e12
    return None


def names() -> list[str]:
    """Of the GPUs whose figures are known."""
    return list(_PUBLISHED)


def _contains(words: list[str], part: list[str]) -> bool:
    """Whether ``part`` stands in ``words``, its last word perhaps only begun: SXM2 for SXM."""
    for start in range(len(words) - len(part) + 1):
        found = words[start : start + len(part)]
        exact_but_last = found[:-1] == part[:-1]
        is_form = part[-1] in ("SXM", "PCIE", "PCIe")
        if exact_but_last and (found[-1] == part[-1] or (is_form and found[-1].startswith(part[-1]))):
            return True
    return False


@functools.cache
def _measured(device: str, dtype: str) -> float:
    """The best rate among matrix products, in ``dtype`` or float32, whichever is faster: a CPU without
    bfloat16 units is slower in it than in float32, and could have used that."""
    return max(_rate(device, each, side) for each in {dtype, "float32"} for side in _SIDES)


def _rate(device: str, dtype: str, side: int) -> float:
    with tf.device(device):
        matrix = tf.ones([side, side], dtype)
        float(tf.matmul(matrix, matrix)[0, 0])  # Warms up.
        best, deadline = float("inf"), time.monotonic() + _MEASURE_S
        while time.monotonic() < deadline:
            started = time.monotonic()
            float(tf.matmul(matrix, matrix)[0, 0])  # Reading a value waits for it.
            best = min(best, time.monotonic() - started)
    return 2.0 * side**3 / best
