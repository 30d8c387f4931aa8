from __future__ import annotations

import re
import subprocess
import sys

import pytest

import components
from components.artifacts import TaskEvaluation, Tokenizer


@pytest.mark.parametrize("artifact", [Tokenizer, TaskEvaluation])
def test_the_type_name_is_the_import_path_that_kubeflow_uses(artifact: type) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9-_]{2,20}[.][A-Z][a-zA-Z0-9-_]{2,49}", artifact.TYPE_NAME)
    package, name = artifact.TYPE_NAME.split(".")
    assert package == components.__name__
    assert getattr(components, name) is artifact


def test_importing_the_package_does_not_import_tfx() -> None:
    check = "import sys, components, components.config, components.documents; print('tfx' in sys.modules)"

    assert subprocess.check_output([sys.executable, "-c", check], text=True) == "False\n"
