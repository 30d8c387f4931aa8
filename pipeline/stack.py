"""What differs between the base stack (Python 3.10) and the modern one (3.11 to 3.13).

Nothing else in the project asks for a version.
"""

from __future__ import annotations

import sys
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HAS_S3 = sys.version_info < (3, 11)
"""Whether there is a file system for ``s3://`` that TensorFlow can load: tensorflow-io's last release is for
TensorFlow 2.16."""

XLA_KEEPS_ROWS_APART = sys.version_info < (3, 11)
"""Whether a row of any small model gets the same numbers, to the bit, from XLA for a CPU whoever else is in
the batch: TensorFlow 2.16's. 2.21's gave one model of four other last bits (5e-7 in a log-probability) in 32
rows with room for 256 tokens: the same in up to 32 rows with room for 128, and in up to 8 for 256."""


def toml_loads(text: str) -> dict[str, Any]:
    """Parses TOML. Python 3.10 has no parser of its own.

    Raises:
      ValueError: the text is not TOML; the message says where.
    """
    return tomllib.loads(text)
