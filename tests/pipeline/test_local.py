"""A run on this machine, around its stages."""

from pathlib import Path

from components.runs import STAGING
from pipeline import local
from pipeline.config import load


def test_a_run_begins_without_what_killed_stages_have_left(tmp_path):
    config = load("tiny", [f"output.root={tmp_path}"])
    artifacts = Path(config.root, "artifacts")
    left = artifacts / "CorpusGen" / "rejected" / "1" / STAGING
    left.mkdir(parents=True)
    (left / "a.run").write_bytes(b"documents")
    kept = artifacts / "CorpusGen" / "examples" / "1" / "data.gz"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"documents")

    local._begin(config, "20260201-000000-000")

    assert not left.exists()
    assert left.parent.exists()
    assert kept.read_bytes() == b"documents"
