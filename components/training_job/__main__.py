"""A worker of a training job: ``python -m components.training_job REQUEST``, its place in ``TF_CONFIG``."""

from __future__ import annotations

import logging
import sys


def main(arguments: list[str]) -> int:
    """Trains as the request says, together with the other workers."""
    if len(arguments) != 1:
        print("usage: python -m components.training_job REQUEST", file=sys.stderr)
        return 2
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    from components.trainer import run
    from components.training_job import request

    run.train(request.read(arguments[0]).fn_args())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
