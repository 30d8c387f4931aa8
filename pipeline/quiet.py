"""Keeps libraries' noise out of the terminal, and in a log file.

TensorFlow, Beam and absl write to the process's own standard output and error, from C++
and from Python. `libraries_write_to` points both at a file and hands out the real
terminal for what the user should see.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

_ENVIRONMENT = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "GRPC_VERBOSITY": "NONE",
    "GLOG_minloglevel": "2",
    "TF_ENABLE_ONEDNN_OPTS": "1",
}


def set_environment() -> None:
    """To be called before TensorFlow or gRPC is imported; what the user has set stays."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)


@contextlib.contextmanager
def libraries_write_to(log_file: Path) -> Iterator[TextIO]:
    """Until the block ends, whatever is written to standard output or error goes to ``log_file``.

    Yields the real standard output. Python's warnings and log records go to the file too. What TensorFlow's
    AutoGraph leaves in the temporary folder is removed at the end.
    """
    set_environment()
    log_file.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    terminal = os.fdopen(os.dup(1), "w", encoding=sys.stdout.encoding or "utf-8", buffering=1)
    handler = logging.FileHandler(log_file, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    before = root.level
    with log_file.open("ab") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    logging.captureWarnings(True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            yield terminal
    finally:
        logging.captureWarnings(False)
        root.removeHandler(handler)
        root.setLevel(before)
        handler.close()
        _remove_generated_bytecode()
        sys.stdout.flush()
        sys.stderr.flush()
        for number, descriptor in zip((1, 2), saved, strict=True):
            os.dup2(descriptor, number)
            os.close(descriptor)
        terminal.close()


def _remove_generated_bytecode() -> None:
    """In the temporary folder, of the functions that AutoGraph rewrote; their sources it removes itself."""
    for name, module in list(sys.modules.items()):
        if name.startswith("__autograph_generated_file") and module.__file__:
            bytecode = Path(importlib.util.cache_from_source(module.__file__))
            bytecode.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # Not empty: others are at work.
                bytecode.parent.rmdir()
