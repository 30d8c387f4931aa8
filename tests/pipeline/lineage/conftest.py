"""A small store of records: two runs, of which the second found its data in the cache."""

import gzip
import json
from types import SimpleNamespace

import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd
from tfx.dsl.compiler import constants

from components import model_store
from components.corpus_gen.counts import Amount, CorpusCounts, SourceCounts
from components.corpus_gen.source_files import SourceFile
from components.evaluator import summary
from models import manifest
from models.config import ModelConfig, TrainingConfig
from pipeline import run_folder
from pipeline.config import load
from pipeline.metadata.connection import connect

FIRST, SECOND = "20260201-000000-000", "20260202-000000-000"
UUID = "11111111-2222-3333-4444-555555555555"
FILES = [
    SourceFile(source="plays", path="b.txt", num_bytes=2000, sha256="b" * 64),
    SourceFile(source="plays", path="a.txt", num_bytes=1000, sha256="a" * 64),
    SourceFile(source="tales", path="c.txt", num_bytes=500, sha256=None),
]


class Recorder:
    """Puts executions into a store as TFX does."""

    def __init__(self, config):
        self.store = connect(config)
        names = (constants.PIPELINE_CONTEXT_TYPE_NAME, constants.PIPELINE_RUN_CONTEXT_TYPE_NAME)
        self._types = [self.store.put_context_type(mlmd.ContextType(name=name)) for name in names]
        self._pipeline = config.name

    def artifact(self, type_name, uri, **properties):
        type_id = self.store.put_artifact_type(mlmd.ArtifactType(name=type_name))
        artifact = mlmd.Artifact(type_id=type_id, uri=str(uri))
        for name, value in properties.items():
            if isinstance(value, int):
                artifact.custom_properties[name].int_value = value
            else:
                artifact.custom_properties[name].string_value = value
        [artifact.id] = self.store.put_artifacts([artifact])
        return artifact

    def execution(self, run_id, stage, inputs, outputs, state=mlmd.Execution.COMPLETE, **properties):
        type_id = self.store.put_execution_type(mlmd.ExecutionType(name=f"components.{stage}"))
        contexts = [
            mlmd.Context(type_id=type_id, name=name)
            for type_id, name in zip(self._types, (self._pipeline, run_id), strict=True)
        ]
        pairs = []
        for kind, named in ((mlmd.Event.INPUT, inputs), (mlmd.Event.OUTPUT, outputs)):
            for name, artifact in named.items():
                event = mlmd.Event(type=kind)
                event.path.steps.add(key=name)
                pairs.append((artifact, event))
        execution = mlmd.Execution(type_id=type_id, last_known_state=state)
        for name, value in properties.items():
            execution.custom_properties[name].string_value = value
        return self.store.put_execution(execution, pairs, contexts, True)[0]


def write_corpus_report(folder, files=FILES, documents=3):
    folder.mkdir(parents=True)
    counts = CorpusCounts(
        splits=("train",),
        sources={
            "plays": SourceCounts(read=documents, kept={"train": Amount(documents=documents, num_bytes=3000)})
        },
    )
    (folder / "corpus.json").write_text(counts.model_dump_json())
    (folder / "files").mkdir()
    lines = [file.model_dump_json() for file in files]
    (folder / "files" / "files-0.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    return folder


def write_evaluation(folder, bits_per_byte=2.5):
    folder.mkdir(parents=True)
    metrics = {
        name: {"bits_per_byte": bits_per_byte, "perplexity": 9.0} for name in ("overall", "source:plays")
    }
    found = summary.EvaluationSummary(blessed=True, baseline="nothing to compare with yet", metrics=metrics)
    (folder / "evaluation.json").write_text(json.dumps(found.model_dump()))
    return folder


def write_model(folder, uuid=UUID):
    (folder / "assets.extra").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"")
    manifest.write(
        str(folder),
        manifest.Manifest(
            model=ModelConfig(), training=TrainingConfig(), num_parameters=929_280, vocabulary_size=10,
            context_length=8, attention="document", tokenizer_sha256="7" * 64, weights_sha256="e" * 64,
            validation_bits_per_byte=2.0, training_tokens=1000, training_seconds=9.0,
        ),
    )  # fmt: skip
    if uuid:
        (folder / model_store.MLMD_UUID).write_text(uuid)
    return folder


def record(folder):
    """Two runs, and the version that the second one pushed."""
    overrides = [f"output.root={folder}/build", f"output.serving_dir={folder}/served"]
    config = load("tiny", overrides)
    recorder, root = Recorder(config), folder / "artifacts"
    for run_id in (FIRST, SECOND):
        run_folder.record_configuration(config, run_id)
    run_folder.record_code(config, FIRST)
    documents = recorder.artifact("Examples", root / "documents")
    rejected = recorder.artifact("Examples", write_corpus_report(root / "rejected"))
    recorder.execution(FIRST, "CorpusGen", {}, {"examples": documents, "rejected": rejected})
    recorder.execution(
        SECOND, "CorpusGen", {}, {"examples": documents, "rejected": rejected}, mlmd.Execution.CACHED
    )
    tokenizer = recorder.artifact("components.Tokenizer", root / "tokenizer")
    (root / "tokenizer").mkdir()
    (root / "tokenizer" / "tokenizer.model").write_bytes(b"pieces")
    recorder.execution(SECOND, "TokenizerTrainer", {"examples": documents}, {"tokenizer": tokenizer})
    model = recorder.artifact("Model", root / "gone")
    start = json.dumps({"warm_start": {"version": 3, "weights_sha256": "d" * 64}})
    recorder.execution(
        SECOND, "Trainer", {"examples": documents, "tokenizer": tokenizer}, {"model": model},
        custom_config=json.dumps({"settings": start}),
    )  # fmt: skip
    evaluation = recorder.artifact("ModelEvaluation", write_evaluation(root / "evaluation"))
    blessing = recorder.artifact("ModelBlessing", root / "blessing", blessed=1)
    recorder.execution(
        SECOND, "Evaluator", {"model": model}, {"evaluation": evaluation, "blessing": blessing}
    )
    served = write_model(folder / "served" / "tiny" / "4")
    pushed = recorder.artifact(
        "PushedModel",
        root / "pushed",
        pushed=1,
        pushed_version="4",
        pushed_destination=str(served),
        mlmd_uuid=UUID,
    )
    recorder.execution(
        SECOND, "Pusher", {"model": model, "model_blessing": blessing}, {"pushed_model": pushed}
    )
    return SimpleNamespace(served=served, root=root, overrides=overrides)


@pytest.fixture
def recorded(tmp_path):
    """Records of one test's own."""
    return record(tmp_path)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """Records to look at."""
    return record(tmp_path_factory.mktemp("records"))
