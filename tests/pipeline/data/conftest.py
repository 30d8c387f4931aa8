"""What the data stages leave of a small corpus: prose in files, prompts and completions, and hostile text."""

import json

import pytest
from google.protobuf.message import Message
from tfx.dsl.components.base import base_beam_executor
from tfx.types import standard_artifacts
from tfx.utils import proto_utils

from components.artifacts import Tokenizer
from components.config import CorpusConfig, PackingConfig, SourceConfig, TokenizerConfig
from components.corpus_gen import component as corpus_gen
from components.corpus_gen.duplicates.settings import DuplicatesConfig
from components.corpus_gen.settings import CorpusGenSettings
from components.sequence_packer import component as sequence_packer
from components.tokenizer_trainer import component as tokenizer_trainer
from components.tokenizer_trainer.settings import TokenizerTrainerSettings
from pipeline.data import outputs

HOSTILE = '</td></script><script>alert(1)</script><img src=x onerror="alert(2)">{{ 7 * 7 }}'
SAME = "same.txt"
"""Rows of it are alike."""
SEQUENCE_LENGTH = 16


def _write_corpus(folder):
    for name in ("a", "b", "<b>c"):
        blocks = [
            f"{name}{number}: über {name}{number} sea\n{name}{number} 山水 "
            + " ".join(f"{name}{number}{word}" for word in range(number % 30))
            for number in range(36)
        ]
        (folder / f"{name}.txt").write_text("\n\n".join(blocks), encoding="utf-8")
    (folder / SAME).write_text("the same again\n" * 200)
    pairs = [{"q": f"{n} + {n}", "a": f"{2 * n}"} for n in range(120)]
    pairs += [{"q": HOSTILE, "a": "no"}] * 3
    lines = [json.dumps(pair) for pair in pairs] + ['{"q": "<script>alert(3)</script>']
    (folder / "pairs.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _properties(component):
    return {
        name: proto_utils.proto_to_json(value) if isinstance(value, Message) else value
        for name, value in component.spec.exec_properties.items()
    }


@pytest.fixture(scope="session")
def data_outputs(tmp_path_factory):
    """As `outputs.find` would give them."""
    root = tmp_path_factory.mktemp("data")
    (root / "corpus").mkdir()
    _write_corpus(root / "corpus")
    prose = SourceConfig(name="prose", pattern="*.txt", documents="blocks", block_bytes=200)
    pairs = SourceConfig(
        name="pairs", pattern="*.jsonl", format="jsonl", prompt_template="{q} = ", completion_column="a"
    )
    corpus = CorpusConfig(
        path=str(root / "corpus"), sources=(prose, pairs), eval_percent=10, test_percent=10,
        max_bad_fraction=0.1,
    )  # fmt: skip
    examples, rejected, rows = (standard_artifacts.Examples() for _ in range(3))
    tokenizer = Tokenizer()
    examples.uri, rejected.uri, tokenizer.uri, rows.uri = (
        str(root / name) for name in ("documents", "rejected", "tokenizer", "rows")
    )
    context = base_beam_executor.BaseBeamExecutor.Context(beam_pipeline_args=["--runner=FnApiRunner"])
    settings = CorpusGenSettings(corpus=corpus, duplicates=DuplicatesConfig(exact=True))
    properties = _properties(corpus_gen.CorpusGen(settings))
    corpus_gen.Executor(context).Do({}, {"examples": [examples], "rejected": [rejected]}, properties)
    making = TokenizerTrainerSettings(tokenizer=TokenizerConfig(vocabulary_size=320))
    tokenizing = {"settings": making.model_dump_json()}
    tokenizer_trainer.Executor().Do({"examples": [examples]}, {"tokenizer": [tokenizer]}, tokenizing)
    packing = {"settings": PackingConfig(sequence_length=SEQUENCE_LENGTH, num_shards=3).model_dump_json()}
    inputs = {"examples": [examples], "tokenizer": [tokenizer]}
    sequence_packer.Executor(context).Do(inputs, {"packed_examples": [rows]}, packing)
    uris = {
        outputs.DOCUMENTS: examples.uri, outputs.LEFT_OUT: rejected.uri, outputs.TOKENIZER: tokenizer.uri,
        outputs.ROWS: rows.uri,
    }  # fmt: skip
    return outputs.DataOutputs("20260131-235959-123", uris)
