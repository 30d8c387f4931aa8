"""The order of a ladder's work, its failures and its lineage, without training anything."""

from __future__ import annotations

import dataclasses

import pytest
from ml_metadata import metadata_store

from components.emergence_report import prediction, report
from components.rung_recorder import record
from pipeline import history, local
from pipeline.config import PipelineConfig
from pipeline.errors import RunInProgressError
from pipeline.ladder import graph, running
from pipeline.ladder.rungs import rungs
from pipeline.ladder.settings import RungConfig
from pipeline.metadata.connection import connection
from pipeline.run_id import new_run_id


class Told:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.titles: list[str] = []

    def start(self, stage: str) -> None:
        self.lines.append(stage)

    def finish(self, seconds: float, cached: bool, result: str | None = None) -> None:
        if cached:
            self.lines.append("cached")

    def begin(self, title: str, left_s: float | None) -> None:
        self.titles.append(title)

    def failed(self, message: str) -> None:
        self.lines.append(f"failed: {message}")


@pytest.fixture(scope="module")
def untrained(make_record, tmp_path_factory):
    """`running.run` with records made up in place of training: what runs, fails and is reported is real."""
    real_stages, real_uris, made = local.run_stages, history.output_uris, {}
    records = tmp_path_factory.mktemp("records")

    def stages(config, run_id, observer, create) -> None:
        if create.func is not graph.create_rung:
            real_stages(config, run_id, observer, create)
            return
        rung = create.args[0]
        if rung.name in stages.broken:
            raise RuntimeError(f"{rung.name} broke")
        folder = records / f"{rung.family}-{rung.name}"
        loss = 1.0 + 300.0 / rung.compute**0.25
        if not folder.exists():
            found = make_record(rung.name, rung.compute, loss, 0.0, family=rung.family, began="9")
            record.write(str(folder), found)
        made[run_id] = str(folder)

    def uris(config, run_id):
        return {(graph.RECORDER, "rung"): made[run_id]} if run_id in made else real_uris(config, run_id)

    stages.broken = set()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local, "run_stages", stages)
        patch.setattr(history, "output_uris", uris)
        yield stages


@dataclasses.dataclass(frozen=True)
class Twice:
    """The same ladder, run again."""

    config: PipelineConfig
    titles: list[str]
    first: running.LadderOutcome
    again: running.LadderOutcome


@pytest.fixture(scope="module")
def twice(untrained, make_ladder_config, tmp_path_factory) -> Twice:
    config, told = make_ladder_config(tmp_path_factory.mktemp("twice")), Told()
    first = running.run(config, told)
    return Twice(config, told.titles, first, running.run(config, Told()))


def test_the_largest_rung_is_predicted_before_it_is_trained(twice) -> None:
    assert twice.titles[-3:] == [
        "the prediction of transformer 1x128", "rung 5 of 5: transformer 1x128, seed 0", "the report",
    ]  # fmt: skip
    made = prediction.read(twice.first.predictions[0])
    assert len(made.made_from) == 3
    [outcome] = report.read(str(twice.first.report)).outcomes
    assert outcome.was_before
    assert outcome.sha256 == made.sha256
    assert outcome.loss_error < 0.1


def test_each_familys_largest_rung_is_predicted_before_it_is_trained(untrained, make_ladder_config, tmp_path):
    config, told = make_ladder_config(tmp_path), Told()
    lstms = tuple(RungConfig(family="lstm", num_layers=1, hidden_dim=width) for width in (8, 16, 24, 200))
    ladder = config.ladder.model_copy(update={"rungs": (*config.ladder.rungs[:4], *lstms)})
    config = config.model_copy(update={"ladder": ladder})
    outcome = running.run(config, told)

    for largest in ("transformer 1x128", "lstm 1x200"):
        begun = next(index for index, title in enumerate(told.titles) if title.endswith(f"{largest}, seed 0"))
        assert told.titles[begun - 1] == f"the prediction of {largest}"
    reading = report.read(str(outcome.report))
    assert {each.prediction.family: each.was_before for each in reading.outcomes} == {
        "transformer": True, "lstm": True,
    }  # fmt: skip


def test_the_same_ladder_again_keeps_the_prediction_that_was_made_first(twice) -> None:
    assert twice.again.predictions == twice.first.predictions
    assert twice.again.report == twice.first.report


def test_metadata_traces_the_report_to_the_rungs_and_the_prediction(twice) -> None:
    store = metadata_store.MetadataStore(connection(twice.config))
    [made] = store.get_artifacts_by_type("components.EmergenceReport")
    execution = store.get_events_by_artifact_ids([made.id])[0].execution_id
    events = store.get_events_by_execution_ids([execution])
    inputs = store.get_artifacts_by_id(
        [event.artifact_id for event in events if event.artifact_id != made.id]
    )

    assert {each.uri for each in inputs} == {
        *(each.uri for each in twice.first.rungs),
        *twice.first.predictions,
    }
    assert made.custom_properties["addition, transformer"].string_value == "not learned"
    [predicted] = store.get_artifacts_by_type("components.Prediction")
    expected = prediction.read(twice.first.predictions[0]).sha256
    assert predicted.custom_properties["sha256"].string_value == expected


def test_predictions_and_reports_are_not_listed_as_runs(twice) -> None:
    assert history.runs(twice.config) == []


def test_a_rung_that_fails_is_told_and_the_others_go_on(untrained, ladder_config) -> None:
    untrained.broken.add("1x32")
    told = Told()
    outcome = running.run(ladder_config, told)
    untrained.broken.clear()

    assert outcome.failures == ("transformer 1x32, seed 0: RuntimeError: 1x32 broke",)
    assert "failed: RuntimeError: 1x32 broke" in told.lines
    assert [each.rung.name for each in outcome.rungs if each.uri is None] == ["1x32"]
    reading = report.read(str(outcome.report))
    assert sorted(each.name for each in reading.records) == ["10k", "1x128", "1x16", "1x64"]
    # Two smaller rungs are too few for a prediction.
    assert outcome.predictions == ()


def test_two_ladders_at_once_are_refused(ladder_config) -> None:
    with local.only_run(ladder_config), pytest.raises(RunInProgressError, match="is under way"):
        running.run(ladder_config, Told())


def test_a_rungs_pipeline_ends_with_the_record_and_is_pushed_only_when_asked(ladder_config, tmp_path) -> None:
    from pipeline.graph import Places

    places = Places(str(tmp_path), "data", str(tmp_path / "served"), ())
    rung = rungs(ladder_config)[0]

    def stages(push: bool) -> list[str]:
        return [stage.id for stage in graph.create_rung(rung, push, places).components]

    assert {"Trainer", "Evaluator", "TaskEvaluator", "RungRecorder"} <= set(stages(False))
    assert not {"ServingValidator", "Pusher"} & set(stages(False))
    assert {"ServingValidator", "Pusher", "RungRecorder"} <= set(stages(True))


def test_the_time_left_tells_starting_from_training(ladder_config, make_record) -> None:
    """Every training takes 4 s to start and 1e-5 s a unit of work, and its rung 3 s besides."""
    found = rungs(ladder_config)
    ladder = running._Ladder(ladder_config, found, Told())

    def work(rung) -> float:
        return rung.num_tokens * rung.num_parameters**0.5

    def end(index: int, besides_s: float = 3.0, began: str = "9") -> None:
        rung, name = found[index], f"{index}, {began}"
        told = make_record(rung.name, rung.compute, 2.0, 0.0, began=began)
        trained_s = 4.0 + 1e-5 * work(rung)
        size = {"num_parameters": rung.num_parameters, "num_tokens": rung.num_tokens}
        ladder._records[name] = told.model_copy(update={**size, "training_seconds": trained_s})
        ladder._done.append(running.RungOutcome(rung, new_run_id(), besides_s + trained_s, name))

    assert ladder._left_s(0) is None
    # From an earlier run, whose stages took no time now.
    end(3, besides_s=500.0, began="1")
    # The data stages ran in it.
    end(0, besides_s=60.0)
    assert ladder._left_s(1) is None
    end(1)
    end(2)
    expected = sum(3.0 + 4.0 + 1e-5 * work(rung) for rung in found[3:])
    assert ladder._left_s(3) == pytest.approx(expected)


def test_no_time_is_told_where_a_rung_goes_on_from_the_one_before(ladder_config, make_record) -> None:
    constant = ladder_config.training.model_copy(update={"schedule": "constant", "warmup_fraction": 0.0})
    ladder = running._Ladder(
        ladder_config.model_copy(update={"training": constant}), rungs(ladder_config), Told()
    )
    for index, rung in enumerate(rungs(ladder_config)[:2]):
        ladder._records[str(index)] = make_record(rung.name, 6000.0 * 10**index, 2.0, 0.0, began="9")
        ladder._done.append(running.RungOutcome(rung, new_run_id(), 5.0, str(index)))

    assert ladder._left_s(2) is None
    ladder._config = ladder_config
    assert ladder._left_s(2) is not None
