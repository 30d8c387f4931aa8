"""Which run's data is looked at, from a metadata store that the test fills as TFX would."""

import pytest
from ml_metadata import metadata_store
from ml_metadata.proto import metadata_store_pb2 as mlmd
from tfx.dsl.compiler import constants

from pipeline import run_folder
from pipeline.config import load
from pipeline.data import outputs
from pipeline.errors import MissingInputError
from pipeline.metadata.connection import connection


@pytest.fixture
def config(tmp_path):
    return load("tiny", [f"output.root={tmp_path}/build"])


@pytest.fixture
def record(config):
    """Records a run in which these stages, and no others, made something."""

    def add(run_id, *made):
        run_folder.record_configuration(config, run_id)
        store = metadata_store.MetadataStore(connection(config))
        context_type = store.put_context_type(mlmd.ContextType(name=constants.PIPELINE_RUN_CONTEXT_TYPE_NAME))
        for stage, output in made:
            stage_type = store.put_execution_type(mlmd.ExecutionType(name=f"components.{stage}"))
            artifact_type = store.put_artifact_type(mlmd.ArtifactType(name="Examples"))
            event = mlmd.Event(type=mlmd.Event.OUTPUT)
            event.path.steps.add(key=output)
            execution = mlmd.Execution(type_id=stage_type, last_known_state=mlmd.Execution.COMPLETE)
            artifact = mlmd.Artifact(type_id=artifact_type, uri=f"/{run_id}/{output}")
            context = mlmd.Context(type_id=context_type, name=run_id)
            store.put_execution(execution, [(artifact, event)], [context], True)

    return add


def test_the_latest_run_that_has_come_so_far_is_the_default(config, record):
    record("20260201-000000-000", outputs.DOCUMENTS, outputs.ROWS)
    record("20260202-000000-000", outputs.DOCUMENTS)
    assert outputs.find(config, None, "").run_id == "20260201-000000-000"
    assert outputs.find(config, None, "", needed=outputs.DOCUMENTS).run_id == "20260202-000000-000"
    found = outputs.find(config, "20260202-000000-000", "", needed=outputs.DOCUMENTS)
    assert found.uris == {outputs.DOCUMENTS: "/20260202-000000-000/examples"}


def test_a_run_that_has_not_come_so_far_is_told_in_one_line(config, record):
    with pytest.raises(MissingInputError, match="'tiny' has no runs yet: start one with 'lexmill run x'"):
        outputs.find(config, None, "lexmill run x")
    record("20260202-000000-000", outputs.DOCUMENTS)
    line = "of no run of 'tiny' the stage SequencePacker has ended, nor of the latest, 20260202-000000-000"
    with pytest.raises(MissingInputError, match=line):
        outputs.find(config, None, "")
    with pytest.raises(
        MissingInputError, match=r"^run 20260202-000000-000: its stage SequencePacker has not"
    ):
        outputs.find(config, "20260202-000000-000", "")
