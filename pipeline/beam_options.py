"""Beam's pipeline options from the configuration."""

from __future__ import annotations

import os

from pipeline.config import BeamConfig


def local(beam: BeamConfig) -> tuple[str, ...]:
    """Options for a run on this machine.

    The runner is always named: Beam's default first tries to download another one.
    """
    options = [f"--runner={beam.runner}"]
    num_workers = beam.num_workers or os.cpu_count() or 1
    if beam.runner == "FnApiRunner" and num_workers > 1:
        options += ["--direct_running_mode=multi_processing", f"--direct_num_workers={num_workers}"]
    return (*options, *beam.options)
