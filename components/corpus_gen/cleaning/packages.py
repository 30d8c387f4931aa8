"""Packages that only some steps need: imported when a step is on, named when they are missing."""

from __future__ import annotations

import importlib
import warnings
from types import ModuleType

from components.errors import CorpusError

EXTRA = "cleaning"


def require(package: str, setting: str) -> ModuleType:
    """Imports ``package``, for the step that ``setting`` (``cleaning.repair``) has put on.

    Raises:
      CorpusError: it is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # jieba's source has escapes that newer Pythons warn of.
            return importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise CorpusError(
            f"{setting} needs the package {package}, which is not installed: "
            f"pip install 'lexmill[{EXTRA}]', or leave the step out"
        ) from error
