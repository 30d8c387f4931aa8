import time

import numpy as np
import pytest

from models.training import memory, peak_flops


@pytest.mark.parametrize(
    ("name", "dtype", "tflops"),
    [
        ("NVIDIA A100-SXM4-40GB", "bfloat16", 312),
        ("NVIDIA A100 80GB PCIe", "float32", 156),
        ("NVIDIA H100 80GB HBM3", "bfloat16", 989.4),
        ("NVIDIA H100 PCIe", "bfloat16", 756),
        ("NVIDIA H100 NVL", "float16", 835.5),
        ("NVIDIA H200", "float32", 494.7),
        ("NVIDIA B200", "bfloat16", 2250),
        ("Tesla V100-SXM2-16GB", "float16", 125),
        ("Tesla V100-PCIE-32GB", "float32", 14),
        ("Tesla T4", "float16", 65),
        ("NVIDIA L4", "float32", 60),
        ("NVIDIA L40S", "bfloat16", 362),
        ("NVIDIA A10", "bfloat16", 125),
        ("NVIDIA GeForce RTX 4090", "float16", 165.2),
    ],
)
def test_a_gpu_is_known_by_the_name_that_its_driver_gives(name, dtype, tflops):
    assert peak_flops.published(name, dtype) == pytest.approx(tflops * 1e12)


@pytest.mark.parametrize(
    "name",
    ["NVIDIA A10G", "NVIDIA GeForce RTX 4090 Laptop GPU", "NVIDIA GeForce RTX 3080 Ti", "GTX 1080", ""],
)
def test_a_gpu_that_is_not_known_is_not_taken_for_another(name):
    assert peak_flops.published(name, "float32") is None


def test_a_cpus_peak_is_measured_once_and_bounds_a_matrix_product():
    peak = peak_flops.of_devices("float32", 0)
    assert "measured on this CPU" in peak.source
    started = time.monotonic()
    assert peak_flops.of_devices("float32", 0) == peak
    assert time.monotonic() - started < 0.05
    matrix = np.ones([64, 64], np.float32)
    started = time.monotonic()
    for _ in range(50):
        matrix @ matrix
    assert 50 * 2 * 64**3 / (time.monotonic() - started) < 20 * peak.flops_per_second


def test_half_precision_has_at_least_the_peak_of_single_precision():
    single, half = (peak_flops.of_devices(policy, 0) for policy in ("float32", "mixed_bfloat16"))
    assert half.flops_per_second > 0.5 * single.flops_per_second


def test_memory_of_this_process_follows_what_it_holds():
    before = memory.host_bytes()
    held = np.ones(25_000_000)
    assert 150e6 < memory.host_bytes() - before < 500e6
    assert held.size
    assert memory.gpu_peak_bytes() == []
