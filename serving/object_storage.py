"""The file system for s3://, which TensorFlow leaves to tensorflow-io.

``gs://`` is TensorFlow's own, and needs nothing. Loading tensorflow-io registers ``s3://`` in the process
that does so, and takes a tenth of a second.

A process that has used it would not end well: on the way out, tensorflow-io 0.37.1 takes its HTTP client
apart in an order that aborts the process, with status 134, which tells whoever waits for a stage that it
failed (tensorflow/io, issue 2039). So once Python has ended in good order the process leaves at once, with
its own status; what is left out is what C++ libraries would still tidy up.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util

from serving.errors import StartError

SCHEME = "s3://"


def open_for(*paths: str) -> None:
    """Makes TensorFlow of this process read and write those of the paths that are in ``s3://``.

    Raises:
      StartError: one is, and tensorflow-io is not installed.
    """
    named = next((path for path in paths if path.startswith(SCHEME)), None)
    if named is not None:
        check(named)
        _register()


def check(path: str) -> None:
    """Raises what `open_for` does, and loads nothing."""
    if path.startswith(SCHEME) and importlib.util.find_spec("tensorflow_io") is None:
        raise StartError(
            f"{path}: TensorFlow reads s3:// by tensorflow-io, which is not installed: add the extra s3 "
            "(uv sync --extra s3) on Python 3.10; no release of it fits the TensorFlow of a later Python: "
            "use gs://, or copy the folder here"
        )


@functools.cache
def _register() -> None:
    import tensorflow_io  # noqa: F401 (loading it registers the scheme)

    libc = ctypes.CDLL(None)
    # Of glibc: called with the status, and before what was registered earlier, as the libraries did.
    libc.on_exit(libc._exit, None)
