"""The order in which the stages run, beyond what they give each other."""

from pipeline.config import load
from pipeline.graph import Places, create_pipeline

PLACES = Places(root="root", corpus_path="corpus", model_base_path="models", beam_options=())


def _stages(*overrides):
    return {stage.id: stage for stage in create_pipeline(load("tiny", overrides), PLACES).components}


def _configuration(*overrides):
    return _stages(*overrides)["DataGate"].exec_properties["configuration"]


def test_nothing_learns_from_documents_that_the_gate_has_not_accepted():
    stages = _stages()

    def waits_for(stage):
        return {stage.id}.union(*(waits_for(before) for before in stage.upstream_nodes))

    assert stages["DataGate"] in stages["TokenizerTrainer"].upstream_nodes
    for stage in ("TokenizerTrainer", "SequencePacker", "Trainer", "Pusher"):
        assert "DataGate" in waits_for(stages[stage])


def test_text_and_ids_are_no_statistics():
    options = _stages()["StatisticsGen"].exec_properties["stats_options_json"]

    assert '"language"' in options
    assert '"text"' not in options
    assert '"document_id"' not in options


def test_other_data_is_compared_and_other_settings_are_a_change_that_was_asked_for():
    assert _configuration("corpus.path=elsewhere") == _configuration()
    assert _configuration("cleaning.repair=true") != _configuration()
    assert _configuration("corpus.eval_percent=7") != _configuration()


TASK = 'tasks.evaluate=[{task="parity", bounds=[{metric="accuracy", at_least=0.9}]}]'


def test_tasks_are_a_stage_whose_blessing_the_pusher_waits_for():
    assert "TaskEvaluator" not in _stages()
    assert "task_blessing" not in _stages()["Pusher"].spec.inputs
    stages = _stages(TASK)
    assert stages["TaskEvaluator"] in stages["Pusher"].upstream_nodes
    assert '"at_least":0.9' in stages["TaskEvaluator"].exec_properties["settings"]


def test_what_is_asked_is_kept_out_of_the_training_text():
    stages = _stages('tasks.evaluate=[{task="jsonl", path="own.jsonl"}]', 'decontamination.against=["a.txt"]')
    assert '"against":["a.txt","own.jsonl"]' in stages["CorpusGen"].exec_properties["settings"]
