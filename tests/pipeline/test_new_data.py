"""A run on a schedule: is there data that no finished run has seen?"""

import os

import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd
from tfx.dsl.compiler import constants

from pipeline import new_data
from pipeline.commands.run import run_pipeline
from pipeline.config import load
from pipeline.metadata.connection import connect

OLD, NEW = "20260201-000000-000", "20260202-000000-000"


@pytest.fixture
def folder(tmp_path):
    day = tmp_path / "text" / "2026-02-01"
    day.mkdir(parents=True)
    (day / "a.txt").write_text("one")
    return tmp_path


@pytest.fixture
def config_file(folder):
    path = folder / "news.toml"
    path.write_text(
        f'name = "news"\n[corpus]\npath = "{folder}/text"\n'
        'sources = [{ name = "news", pattern = "{YYYY}-{MM}-{DD}/*.txt" }]\n'
        f'[output]\nroot = "{folder}/build"\n'
    )
    return path


@pytest.fixture
def config(config_file):
    return load(str(config_file))


@pytest.fixture
def ran(config):
    """Records a run of CorpusGen on what is there now, and of the Pusher as it ended."""

    def record(run_id, pusher=mlmd.Execution.COMPLETE, cached=None):
        """``cached``: the artifact of an earlier run's CorpusGen."""
        from components.corpus_gen.component import corpus_state
        from pipeline import graph

        store = connect(config)
        kind = store.put_context_type(mlmd.ContextType(name=constants.PIPELINE_RUN_CONTEXT_TYPE_NAME))
        fingerprint = corpus_state(graph.selection(config, new_data._here(config))).fingerprint
        found = mlmd.Execution.CACHED if cached else mlmd.Execution.COMPLETE
        kind_of_artifact = store.put_artifact_type(mlmd.ArtifactType(name="Examples"))
        artifact = cached or mlmd.Artifact(type_id=kind_of_artifact, uri="/documents")
        for stage, state in (("CorpusGen", found), ("Pusher", pusher)):
            type_id = store.put_execution_type(mlmd.ExecutionType(name=f"components.{stage}"))
            execution = mlmd.Execution(type_id=type_id, last_known_state=state)
            pairs = []
            if stage == "CorpusGen":
                event = mlmd.Event(type=mlmd.Event.OUTPUT)
                event.path.steps.add(key="examples")
                pairs = [(artifact, event)]
                if not cached:
                    execution.custom_properties["input_fingerprint"].string_value = fingerprint
            store.put_execution(execution, pairs, [mlmd.Context(type_id=kind, name=run_id)], True)
        return store.get_artifacts_by_type("Examples")[0]

    return record


def test_before_the_first_run_everything_is_new(config):
    assert new_data.seen(config) is None
    assert not os.path.exists(config.root)  # noqa: PTH110


def test_data_that_a_finished_run_had_is_not_new(config, ran):
    ran(OLD)
    found = new_data.seen(config)
    assert (found.run_id, found.num_files) == (OLD, 1)
    assert str(found) == f"no new data since run {OLD} (span 20485, 1 files): nothing to do"


def test_a_new_day_is_new_data_and_an_old_one_that_grows_is_not(config, ran, folder):
    for day in ("2026-01-31", "2026-02-02"):
        (folder / "text" / day).mkdir()
    (folder / "text" / "2026-02-02" / "a.txt").write_text("two")
    ran(OLD)
    (folder / "text" / "2026-01-31" / "late.txt").write_text("three")
    assert new_data.seen(config) is not None
    (folder / "text" / "2026-02-03").mkdir()
    (folder / "text" / "2026-02-03" / "a.txt").write_text("four")
    assert new_data.seen(config) is None


def test_a_run_that_took_its_documents_from_the_cache_had_them(config, ran):
    ran(NEW, cached=ran(OLD))
    assert new_data.seen(config).run_id == NEW


@pytest.mark.parametrize("state", [mlmd.Execution.FAILED, mlmd.Execution.RUNNING])
def test_a_run_that_did_not_finish_has_seen_nothing(config, ran, state):
    ran(NEW, state)
    assert new_data.seen(config) is None
    ran(OLD)
    assert new_data.seen(config).run_id == OLD


def test_the_command_ends_early_and_says_so(config, ran, config_file, capsys):
    ran(OLD)
    assert run_pipeline(str(config_file), [], None, if_new_data=True) == 0
    assert (
        capsys.readouterr().out == f"news: no new data since run {OLD} (span 20485, 1 files): nothing to do\n"
    )
    assert not os.path.exists(f"{config.root}/runs")  # noqa: PTH110
