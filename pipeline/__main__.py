"""``python -m pipeline``: the ``lexmill`` command."""

from pipeline.cli import main

main()
