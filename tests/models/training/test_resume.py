"""A run killed with SIGKILL, at random moments and during a checkpoint's write, ends as if it never was."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("stopped_training.py")


@pytest.mark.parametrize(("family", "kills"), [("transformer", 3), ("lstm", 2)])
def test_a_killed_run_goes_on_to_the_same_weights_and_curves_bit_for_bit(
    tokenizer_proto, tmp_path, family, kills
):
    (tmp_path / "tokenizer.model").write_bytes(tokenizer_proto)
    options = {"family": family, "num_steps": 60, "kills": kills, "seed": 1}
    outcome = subprocess.run(
        [sys.executable, str(PROGRAM), str(tmp_path), json.dumps(options)],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=Path(__file__).parents[3],
    )
    assert outcome.returncode == 0, outcome.stderr[-2000:]
    runs = json.loads(outcome.stdout.splitlines()[-1])
    whole, killed = runs["whole"], runs["killed"]
    assert killed["attempts"] == kills + 1
    assert killed["resumed"]
    for measured in ("weights", "curves", "num_tokens", "validation"):
        assert killed[measured] == whole[measured]
    assert [step for step, _ in whole["curves"]["loss/training"]] == list(range(5, 61, 5))
    assert not whole["resumed"]
