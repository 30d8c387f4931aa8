"""How a run ended, from a metadata store that the test fills as TFX would."""

import fcntl

import pytest
from ml_metadata import metadata_store
from ml_metadata.proto import metadata_store_pb2 as mlmd
from tfx.dsl.compiler import constants

from models.measures import LossSums
from models.training.run_card import RunCard
from models.training.run_log import RunLog, Window
from pipeline import run_folder
from pipeline.config import load
from pipeline.errors import MissingInputError
from pipeline.metadata.connection import connection
from pipeline.report import contents, page

COMPLETE, CACHED = mlmd.Execution.COMPLETE, mlmd.Execution.CACHED
FAILED, RUNNING = mlmd.Execution.FAILED, mlmd.Execution.RUNNING
RUN = "20260131-235959-123"


@pytest.fixture
def config(tmp_path):
    return load("tiny", [f"output.root={tmp_path}/build", f"output.serving_dir={tmp_path}/served"])


@pytest.fixture
def record(config, tmp_path):
    """Records a run: stage -> state, and an artifact that the Trainer made."""

    def add(run_id, stages, model_run=None):
        run_folder.record_configuration(config, run_id)
        store = metadata_store.MetadataStore(connection(config))
        context_type = store.put_context_type(mlmd.ContextType(name=constants.PIPELINE_RUN_CONTEXT_TYPE_NAME))
        [context] = store.put_contexts([mlmd.Context(type_id=context_type, name=run_id)])
        for stage, state in stages.items():
            stage_type = store.put_execution_type(mlmd.ExecutionType(name=f"components.{stage}"))
            execution = mlmd.Execution(type_id=stage_type, last_known_state=state)
            pairs = []
            if stage == "Trainer" and model_run:
                artifact_type = store.put_artifact_type(mlmd.ArtifactType(name="ModelRun"))
                event = mlmd.Event(type=mlmd.Event.OUTPUT)
                event.path.steps.add(key="model_run")
                event.path.steps.add(index=0)
                pairs = [(mlmd.Artifact(type_id=artifact_type, uri=str(model_run)), event)]
            store.put_execution(
                execution, pairs, [mlmd.Context(id=context, type_id=context_type, name=run_id)]
            )

    return add


def _train(folder, run_id=RUN):
    card = RunCard(
        run_id=run_id, started="2026-02-01T00:00:30+0000", family="transformer", num_parameters=9,
        flops_per_token=6.0, peak_flops_per_second=1e9, peak_source="measured", configuration={},
        environment={},
    )  # fmt: skip
    with RunLog(str(folder)) as log:
        log.begin(card)
        log.training(10, Window(LossSums(30.0, 20.0, 60.0), 10, 20, 0.1, 1e-3, 1.0, 9.0))
    return folder


@pytest.mark.parametrize(
    ("stages", "outcome", "verdict"),
    [
        ({"CorpusGen": COMPLETE, "Trainer": FAILED}, "failed", "The stage Trainer failed."),
        ({"CorpusGen": CACHED, "Trainer": RUNNING}, "killed", "The run was killed in the stage Trainer."),
        ({"CorpusGen": COMPLETE}, "killed", "The run was killed after the stage CorpusGen."),
        ({"Pusher": COMPLETE}, "not pushed", "The model does not serve."),
        ({}, "killed", "The run was killed."),
    ],
)
def test_how_a_run_ended_is_told(config, record, stages, outcome, verdict):
    record(RUN, stages)
    found = contents.gather(config, None, "lexmill run")
    assert (found.outcome, found.verdict) == (outcome, verdict)
    assert [(execution.stage) for execution in found.executions] == list(stages)
    assert "</html>" in page.render(found)


def test_a_run_that_is_under_way_is_told_from_one_that_was_killed(config, record, tmp_path):
    record(RUN, {"Trainer": RUNNING})
    with (tmp_path / "build" / "tiny" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert contents.gather(config, None, "").outcome == "running"
    assert contents.gather(config, None, "").outcome == "killed"


@pytest.mark.parametrize("kind", ["model_run", "failed_run"])
def test_a_training_that_did_not_end_well_has_the_curves_that_it_left(config, record, tmp_path, kind):
    trainer = tmp_path / "build" / "tiny" / "artifacts" / "Trainer"
    _train(trainer / kind / "7")
    _train(trainer / kind / "8", "another")
    record(RUN, {"Trainer": FAILED})
    (tmp_path / "build" / "tiny" / "runs" / RUN / "log.txt").write_text("a\n" * 99 + "ValueError: b\n")
    found = contents.gather(config, RUN, "")
    assert found.training.card.run_id == RUN
    assert found.training.curves["loss/training"] == [(10, 1.5)]
    assert found.log_tail.splitlines()[-1] == "ValueError: b"
    assert found.configuration["name"] == "tiny"


def test_a_cached_training_has_the_curves_of_the_run_that_made_them(config, record, tmp_path):
    folder = _train(tmp_path / "elsewhere", "an earlier run")
    record(RUN, {"Trainer": CACHED, "Pusher": COMPLETE}, model_run=folder)
    found = contents.gather(config, RUN, "")
    assert found.training.curves["loss/training"] == [(10, 1.5)]
    [trainer, _] = found.executions
    assert [artifact.uri for artifact in trainer.outputs["model_run"]] == [str(folder)]


def test_the_latest_run_is_the_default_and_an_unknown_one_names_those_that_there_are(config, record):
    with pytest.raises(MissingInputError, match="'tiny' has no runs yet: start one with 'lexmill run x'"):
        contents.gather(config, None, "lexmill run x")
    for day in range(1, 8):
        record(f"2026020{day}-000000-000", {"CorpusGen": COMPLETE})
    assert contents.gather(config, None, "").run.run_id == "20260207-000000-000"
    line = r"^nope: 'tiny' has no such run: there are 20260207-.*, 20260203-000000-000 and 2 older ones$"
    with pytest.raises(MissingInputError, match=line):
        contents.gather(config, "nope", "")
