"""From a SavedModel to a report, and the component around it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from tfx.types import channel, standard_artifacts

from components.artifacts import TaskEvaluation
from components.errors import StageError
from components.pusher import component as pusher
from components.task_evaluator import component, results
from components.task_evaluator.config import TasksConfig
from components.task_evaluator.evaluation import Evaluated, evaluate
from models.training import event_files

pytestmark = pytest.mark.filterwarnings("ignore:.*You are using a softmax over axis -1:UserWarning")

PROSE = "The quick brown fox jumps over the lazy dog while vexingly quick daft zebras jump."


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> TasksConfig:
    own = tmp_path_factory.mktemp("own") / "own.jsonl"
    lines = [{"prompt": f"{n} is", "choices": [" even", " odd"], "answer": n % 2} for n in range(12)]
    own.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return TasksConfig.model_validate(
        {
            "num_items": 10,
            "num_samples": 4,
            "evaluate": [
                {"task": "addition", "digits": 2, "shots": 2},
                {"task": "parity", "bounds": [{"metric": "brier", "at_most": 2.0}]},
                {"task": "jsonl", "path": str(own), "scored_by": "choices", "label": "own"},
                {"task": "translation", "language": "fr", "num_items": 3, "shots": 3},
                {"task": "cloze", "context_words": 3},
            ],
        }
    )


@pytest.fixture(scope="module")
def evaluated(saved_model: str, config: TasksConfig) -> Evaluated:
    return evaluate(saved_model, config, [PROSE, PROSE.replace("fox", "cat")])


def test_every_entry_has_its_result(evaluated: Evaluated) -> None:
    found = {result.label: result for result in evaluated.report.results}
    assert list(found) == [
        "addition digits=2 2-shot",
        "parity",
        "own",
        "translation language=fr 3-shot".replace(" language=fr", ""),
        "cloze context_words=3",
    ]
    assert [found[label].num_items for label in found] == [10, 10, 10, 3, 2]
    assert found["addition digits=2 2-shot"].parameters == {
        "evaluation_percent": 10,
        "digits": 2,
        "reversed": False,
    }
    assert set(found["own"].metrics) == {
        "accuracy",
        "accuracy_per_byte",
        "brier",
        "target_log_probability",
        "token_accuracy",
    }
    assert {"exact_match", "token_edit_distance", "chrf", "bleu"} <= set(found["translation 3-shot"].metrics)
    assert {"exact_match", "brier"} <= set(found["parity"].metrics)


def test_a_results_values_are_the_means_of_its_items(evaluated: Evaluated) -> None:
    for result in evaluated.report.results:
        items = [item for item in evaluated.items if item.label == result.label]
        assert len({item.item for item in items}) == len(items) == result.num_items
        assert result.mean_target_tokens == pytest.approx(np.mean([item.target_tokens for item in items]))
        for name, metric in result.metrics.items():
            assert metric.low <= metric.value + 1e-9
            assert metric.value <= metric.high + 1e-9
            if name != "bleu":
                assert metric.value == pytest.approx(np.mean([item.metrics[name] for item in items]))


def test_chance_stands_beside_what_has_one(evaluated: Evaluated) -> None:
    parity = evaluated.report.result("parity").metrics
    assert parity["exact_match"].chance == parity["accuracy"].chance == parity["brier"].chance == 0.5
    assert parity["target_log_probability"].chance is None
    assert evaluated.report.result("addition digits=2 2-shot").metrics["exact_match"].chance == 1 / 199


def test_shots_that_do_not_fit_are_left_out_and_counted(evaluated: Evaluated) -> None:
    result = evaluated.report.result("translation 3-shot")
    assert result.num_cut == result.num_items
    assert evaluated.report.result("parity").num_cut == 0


def test_samples_show_the_whole_prompt(evaluated: Evaluated) -> None:
    samples = evaluated.report.result("addition digits=2 2-shot").samples
    assert len(samples) == 4
    assert all(sample.prompt.count("\n") == 2 and sample.prompt.endswith("=") for sample in samples)


def test_the_same_seed_gives_the_same_report(
    saved_model: str, evaluated: Evaluated, config: TasksConfig
) -> None:
    first = config.model_copy(update={"evaluate": config.evaluate[:1]})
    again = evaluate(saved_model, first)
    assert again.report.results[0] == evaluated.report.results[0]
    other = evaluate(saved_model, first.model_copy(update={"seed": 1}))
    assert {item.item for item in other.items} != {item.item for item in again.items}


def test_the_files_come_back_as_they_were(evaluated: Evaluated, tmp_path: Path) -> None:
    results.write(str(tmp_path), evaluated.report, evaluated.items)
    assert results.read(str(tmp_path)) == evaluated.report
    assert tuple(results.read_items(str(tmp_path))) == evaluated.items


def test_a_missed_bound_is_told_in_words(saved_model: str) -> None:
    bounds = [{"metric": "exact_match", "at_least": 0.9}, {"metric": "token_edit_distance", "at_most": 0.0}]
    config = TasksConfig.model_validate(
        {"num_items": 5, "evaluate": [{"task": "addition", "bounds": bounds}]}
    )
    report = evaluate(saved_model, config).report
    assert not report.blessed
    assert report.failures[0] == "addition: exact_match is 0.0000, below the bound 0.9"
    assert "above the bound 0" in report.failures[1]
    assert "NOT blessed: addition: exact_match" in report.verdict()


def test_a_bound_on_a_metric_that_the_task_lacks_is_refused(saved_model: str) -> None:
    entry = {"task": "addition", "num_items": 2, "bounds": [{"metric": "bleu", "at_least": 1}]}
    with pytest.raises(StageError, match="addition: has no metric 'bleu' to bound: it has target_log"):
        evaluate(saved_model, TasksConfig.model_validate({"evaluate": [entry]}))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"evaluate": [{"task": "parity"}, {"task": "parity"}]}, "two entries are called 'parity'"),
        (
            {"evaluate": [{"task": "parity", "bounds": [{"metric": "acuracy", "at_least": 1}]}]},
            "mean accuracy",
        ),
        ({"evaluate": [{"task": "parity", "bounds": [{"metric": "brier"}]}]}, "either at_least or at_most"),
        ({"evaluate": [{"task": "addition", "length": 3}]}, "length"),
    ],
)
def test_what_is_wrong_with_the_table_is_said(table: object, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        TasksConfig.model_validate(table)


def test_a_folder_that_is_no_model_of_ours_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="does not hold a model that Lexmill exported"):
        evaluate(str(tmp_path), TasksConfig())


@pytest.fixture
def artifacts(saved_model: str, tmp_path: Path) -> tuple[dict, dict]:
    model, documents = standard_artifacts.Model(), standard_artifacts.Examples()
    report, blessing = TaskEvaluation(), standard_artifacts.ModelBlessing()
    model.uri = str(Path(saved_model).parent)
    documents.split_names = '["train", "test"]'
    documents.uri, report.uri, blessing.uri = (
        str(tmp_path / name) for name in ("docs", "report", "blessing")
    )
    return {"model": [model], "documents": [documents]}, {"report": [report], "blessing": [blessing]}


@pytest.mark.parametrize("at_least", [0.0, 1.1])
def test_the_stage_writes_its_report_its_scalars_and_its_blessing(
    artifacts: tuple[dict, dict], at_least: float
) -> None:
    bounds = [{"metric": "token_accuracy", "at_least": at_least}]
    config = TasksConfig.model_validate({"num_items": 4, "evaluate": [{"task": "parity", "bounds": bounds}]})
    stage = component.TaskEvaluator(
        channel.Channel(type=standard_artifacts.Model),
        channel.Channel(type=standard_artifacts.Examples),
        config,
    )
    inputs, outputs = artifacts
    component.Executor().Do(inputs, outputs, stage.spec.exec_properties)
    [report], [blessing] = outputs["report"], outputs["blessing"]
    written = results.read(report.uri)
    is_blessed = at_least == 0.0
    assert written.blessed == is_blessed
    assert blessing.get_int_custom_property("blessed") == int(is_blessed)
    assert Path(blessing.uri, "BLESSED" if is_blessed else "NOT_BLESSED").exists()
    assert pusher._is_blessed_by_tasks({"task_blessing": [blessing]}) == is_blessed
    events = [event for event in event_files.read(f"{report.uri}/tensorboard") if event.summary.value]
    tags = {value.tag for event in events for value in event.summary.value}
    assert {"tasks/parity/exact_match", "tasks/parity/exact_match/chance", "tasks/parity/brier/low"} <= tags
    assert {event.step for event in events} == {7}


def test_without_tasks_nothing_is_asked_of_the_pusher() -> None:
    assert pusher._is_blessed_by_tasks({})


def test_another_content_of_a_file_of_ones_own_is_another_stage(tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    config = TasksConfig.model_validate({"evaluate": [{"task": "jsonl", "path": str(path)}]})

    def files() -> str:
        types = standard_artifacts.Model, standard_artifacts.Examples
        stage = component.TaskEvaluator(*(channel.Channel(type=one) for one in types), config)
        return str(stage.exec_properties["files"])

    path.write_text('{"prompt": "a", "target": "b"}\n')
    before = files()
    assert before == files()
    path.write_text('{"prompt": "a", "target": "c"}\n')
    assert before != files()
