import json

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import api_pb2
from tensorboard.plugins.hparams import metadata as hparams
from tensorboard.util import tensor_util

from models.measures import LossSums
from models.training import event_files, tags
from models.training.run_card import RunCard, card_now, read
from models.training.run_log import RunLog, Window

CARD = RunCard(
    run_id="20260131-235959-123",
    started="2026-01-31T23:59:59+0000",
    family="transformer",
    num_parameters=1000,
    flops_per_token=6000.0,
    peak_flops_per_second=1e6,
    peak_source="measured on this CPU",
    configuration={
        "model": {"family": "transformer", "num_layers": 2, "intermediate_dim": None},
        "training": {"learning_rate": 0.002, "sample_prompts": ["a|b", "`c`\n<b>"]},
    },
    environment={"host": "here", "cores": "2"},
)


def _window(step):
    return Window(LossSums(2.0 * step, 1.0 * step, 4.0 * step), 5, step, 0.5, 1e-3 * step, 0.1 * step, 7.0)


def _log_steps(log, steps):
    for step in steps:
        log.training(step, _window(step))
        if step % 10 == 0:
            log.validation(step, LossSums(3.0, 2.0, 6.0), {"To be": " or\nnot", "": "x"})


def _events(directory):
    events = EventAccumulator(str(directory), size_guidance={"tensors": 0}, purge_orphaned_data=False)
    events.Reload()
    return events


def _curve(directory, tag):
    return [(event.step, tensor_util.make_ndarray(event.tensor_proto).item())
            for event in _events(directory).Tensors(tag)]  # fmt: skip


def _last_text(directory, tag):
    return _curve(directory, tag)[-1][1].decode()


@pytest.fixture
def logged(tmp_path):
    with RunLog(str(tmp_path)) as log:
        log.begin(CARD)
        _log_steps(log, range(5, 25, 5))
    return tmp_path


def test_each_scalar_has_its_value_in_the_unit_that_its_description_says(logged):
    found = {
        tag: _curve(logged, tag)[1][1]
        for tag in tags.DESCRIPTIONS
        if tag.startswith(("op", "sp")) or tag.endswith("/training")
    }
    assert found == pytest.approx({
        "loss/training": 2.0,
        "perplexity/training": np.exp(2.0),
        "bits_per_byte/training": 2.0 / np.log(2) / 4,
        "optimizer/learning_rate": 0.01,
        "optimizer/gradient_norm": 1.0,
        "optimizer/weight_norm": 7.0,
        "speed/tokens_per_second": 20.0,
        "speed/step_time_ms": 100.0,
        "speed/mfu_percent": 12.0,  # 20 tokens/s of 6,000 operations, of 10^6 operations/s.
    }, rel=1e-5)  # fmt: skip
    assert 10 < _curve(logged, "memory/host_mb")[0][1] < 100_000
    assert [step for step, _ in _curve(logged, "loss/validation")] == [10, 20]
    assert _curve(logged, "loss/validation")[0][1] == 1.5


def test_each_scalar_is_described_in_tensorboard(logged):
    events = _events(logged)
    scalars = [tag for tag in events.Tags()["tensors"] if tag in tags.DESCRIPTIONS]
    assert set(scalars) == set(tags.DESCRIPTIONS)
    for tag in scalars:
        assert events.SummaryMetadata(tag).summary_description.startswith(tags.DESCRIPTIONS[tag])
    assert (
        "1e-06 TFLOP/s: measured on this CPU"
        in events.SummaryMetadata("speed/mfu_percent").summary_description
    )


def test_the_samples_show_prompt_and_continuation_line_by_line(logged):
    assert _last_text(logged, "samples/0") == "    To be⟶ or\n    not"
    assert _last_text(logged, "samples/1") == "    ⟶x"


def test_the_configuration_is_a_table_that_no_value_breaks(logged):
    lines = _last_text(logged, "configuration").splitlines()
    assert lines[0] == "**model**"
    assert "| num_layers | `2` |" in lines
    assert "| intermediate_dim | `(none)` |" in lines
    assert "| sample_prompts | `a¦b, 'c' <b>` |" in lines
    assert "| host | `here` |" in _last_text(logged, "environment")


def _hparams(directory, tag):
    content = _events(directory).SummaryMetadata(tag).plugin_data.content
    parse = {
        hparams.SESSION_START_INFO_TAG: hparams.parse_session_start_info_plugin_data,
        hparams.SESSION_END_INFO_TAG: hparams.parse_session_end_info_plugin_data,
    }
    return parse[tag](content)


def test_the_hyperparameters_are_those_of_the_configuration(logged):
    start = _hparams(logged, hparams.SESSION_START_INFO_TAG)
    assert start.group_name == CARD.run_id
    assert start.hparams["model.num_layers"].number_value == 2
    assert start.hparams["model.intermediate_dim"].string_value == "(none)"
    assert start.hparams["training.learning_rate"].number_value == 0.002
    assert start.hparams["parameters"].number_value == 1000


def test_the_hparams_session_ends_as_the_run_does(logged, tmp_path_factory):
    assert _hparams(logged, hparams.SESSION_END_INFO_TAG).status == api_pb2.STATUS_SUCCESS
    directory = tmp_path_factory.mktemp("failed")

    def fail():
        with RunLog(str(directory)) as log:
            log.begin(CARD)
            log.training(0, Window(LossSums(), 0, 0, 0.0, 0.0, 0.0, 0.0))

    with pytest.raises(ZeroDivisionError):
        fail()
    assert _hparams(directory, hparams.SESSION_END_INFO_TAG).status == api_pb2.STATUS_FAILURE


def test_histograms_count_every_finite_value(tmp_path):
    with RunLog(str(tmp_path)) as log:
        log.histograms(3, "weights", {
            "kernel": np.array([[0.0, 1.0], [2.0, 3.0]], np.float32),
            "bias": np.array([1.0, np.nan, np.inf]),
            "empty": np.zeros([0]),
        })  # fmt: skip
    events = _events(tmp_path)
    buckets = {tag: tensor_util.make_ndarray(events.Tensors(tag)[0].tensor_proto)
               for tag in events.Tags()["tensors"]}  # fmt: skip
    assert {tag: value[:, 2].sum() for tag, value in buckets.items()} == {
        "weights/kernel": 4,
        "weights/bias": 1,
    }
    kernel = buckets["weights/kernel"]
    assert (kernel[0, 0], kernel[-1, 1]) == (0.0, 3.0)


def test_a_run_that_goes_on_after_a_failure_ends_as_it_ends_itself(tmp_path):
    log = RunLog(str(tmp_path))
    log.begin(CARD)
    _log_steps(log, [5, 10])
    log.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    with RunLog(str(tmp_path), resume_after=10) as log:
        log.begin(CARD)
        _log_steps(log, [15])
    assert _hparams(tmp_path, hparams.SESSION_END_INFO_TAG).status == api_pb2.STATUS_SUCCESS


def _all_curves(directory):
    """(tag, step, value) of everything but what the clock and the machine say."""
    return sorted(
        (value.tag, event.step, value.tensor.SerializeToString())
        for event in event_files.read(str(directory))
        for value in event.summary.value
        if not value.tag.startswith(("memory/", "environment", "_hparams_/session_end"))
    )


@pytest.mark.parametrize("truncated", [0, 1, 40])
@pytest.mark.parametrize("in_place", [True, False])
def test_a_resumed_run_has_the_curves_of_one_that_was_never_stopped(tmp_path, truncated, in_place):
    with RunLog(str(tmp_path / "whole")) as log:
        log.begin(CARD)
        _log_steps(log, range(5, 45, 5))

    killed = RunLog(str(tmp_path / "killed"))
    killed.begin(CARD)
    _log_steps(killed, range(5, 35, 5))  # The last checkpoint is of step 20.
    [path] = [path for path in (tmp_path / "killed").iterdir() if "tfevents" in path.name]
    path.write_bytes(path.read_bytes()[: path.stat().st_size - truncated])

    directory = tmp_path / ("killed" if in_place else "next")
    with RunLog(str(directory), resume_after=20, earlier=str(tmp_path / "killed")) as log:
        log.begin(CARD.model_copy(update={"environment": {"host": "there"}}))
        _log_steps(log, range(25, 45, 5))

    assert _all_curves(directory) == _all_curves(tmp_path / "whole")
    steps = [step for step, _ in _curve(directory, "loss/training")]
    assert steps == sorted(set(steps)) == list(range(5, 45, 5))
    assert _curve(directory, "environment") == [
        (0, _curve(tmp_path / "whole", "environment")[0][1]),
        (20, b"| field | value |\n|---|---|\n| host | `there` |"),
    ]


def test_a_run_killed_twice_still_has_each_step_once(tmp_path):
    for number, (start, end) in enumerate([(0, 30), (20, 40), (20, 60)]):
        earlier = str(tmp_path / str(number - 1)) if number else None
        log = RunLog(str(tmp_path / str(number)), resume_after=start or None, earlier=earlier)
        log.begin(CARD)
        _log_steps(log, range(start + 5, end + 5, 5))
    assert [step for step, _ in _curve(tmp_path / "2", "loss/training")] == list(range(5, 65, 5))


def test_going_on_with_a_directory_that_is_gone_starts_a_log_anew(tmp_path):
    with RunLog(str(tmp_path / "a"), resume_after=10, earlier=str(tmp_path / "gone")) as log:
        log.begin(CARD)
        _log_steps(log, [15])
    assert _hparams(tmp_path / "a", hparams.SESSION_START_INFO_TAG).group_name == CARD.run_id
    assert [step for step, _ in _curve(tmp_path / "a", "loss/training")] == [15]


def test_the_card_of_a_run_is_read_back(logged, tmp_path):
    assert read(str(logged)) == CARD
    assert read(str(tmp_path / "nowhere")) is None
    (logged / "run.json").write_text(json.dumps({"family": "transformer"}))
    assert read(str(logged)) is None


def test_a_card_made_here_knows_machine_and_peak():
    card = card_now(
        run_id="r", family="lstm", num_parameters=7, flops_per_token=42.0,
        configuration={"model": {}}, precision="float32", num_gpus=0,
    )  # fmt: skip
    assert card.peak_flops_per_second > 1e9
    assert card.peak_source.startswith("measured on this CPU")
    assert {"host", "processor", "memory", "Python", "tensorflow", "keras"} <= set(card.environment)
