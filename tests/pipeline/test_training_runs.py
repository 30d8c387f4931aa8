import os
import time
from pathlib import Path

import pytest

from models.training.run_card import FILE, RunCard
from pipeline import training_runs
from pipeline.commands.tensorboard import RunLinks

CARD = RunCard(
    run_id="20260131-235959-123",
    started="2026-02-01T00:00:30+0000",
    family="transformer",
    num_parameters=929_280,
    flops_per_token=6e6,
    peak_flops_per_second=1e11,
    peak_source="measured",
    configuration={},
    environment={},
)


@pytest.fixture
def add(tmp_path):
    """Adds a folder of event files to a pipeline, with a card of the given fields, or none."""

    def add_run(execution, pipeline="mine", age_s=100.0, card=True, kind="model_run", **fields):
        folder = tmp_path / "build" / pipeline / "artifacts" / "Trainer" / kind / str(execution)
        folder.mkdir(parents=True)
        events = folder / "events.out.tfevents.1.host.1"
        events.write_bytes(b"")
        os.utime(events, (time.time() - age_s,) * 2)
        if card:
            (folder / FILE).write_text(CARD.model_copy(update=fields).model_dump_json())
        return folder

    return add_run


@pytest.fixture
def find(tmp_path):
    def found():
        runs = training_runs.find(training_runs.pipelines(tmp_path / "build"))
        return {name: int(folder.name) for folder, name in training_runs.names(runs).items()}

    return found


@pytest.mark.parametrize(
    ("number", "text"),
    [(7, "7"), (999, "999"), (1000, "1k"), (10_240, "10.2k"), (929_280, "929k"), (999_499, "999k"),
     (999_500, "1M"), (1_325_824, "1.33M"), (124_439_808, "124M"), (1_557_611_200, "1.56B")],
)  # fmt: skip
def test_counts_are_shortened_to_three_digits(number, text):
    assert training_runs.short_count(number) == text


def test_a_run_is_called_by_pipeline_time_family_and_size(add, find):
    add(7)
    add(9, pipeline="other", family="lstm", num_parameters=1_082_112, run_id="20260201-080000-001")
    assert find() == {
        "mine/2026-01-31 23:59:59 transformer 929k": 7,
        "other/2026-02-01 08:00:00 lstm 1.08M": 9,
    }


def test_runs_that_would_be_called_the_same_get_numbers(add, find):
    for execution in (7, 8, 9):
        add(execution)
    assert set(find()) == {
        "mine/2026-01-31 23:59:59 transformer 929k",
        "mine/2026-01-31 23:59:59 transformer 929k (2)",
        "mine/2026-01-31 23:59:59 transformer 929k (3)",
    }


def test_outside_a_pipeline_a_run_is_called_by_its_own_start(add, find):
    add(7, run_id="")
    assert find() == {"mine/2026-02-01 00:00:30 transformer 929k": 7}


def test_a_run_without_a_card_is_called_by_its_number_once_no_card_can_come(add, find):
    add(7, card=False)
    add(8, card=False, age_s=1.0)
    assert find() == {"mine/run 7": 7}


def test_a_run_that_another_went_on_with_is_not_shown_beside_it(add, find):
    killed = add(7)
    add(8, earlier=str(killed), resumed_after=20, run_id="20260201-080000-001")
    assert find() == {"mine/2026-02-01 08:00:00 transformer 929k": 8}


def test_a_failed_run_is_shown(add, find):
    add(7, kind="failed_run")
    assert list(find().values()) == [7]


def test_links_follow_what_is_there_and_keep_their_names(add, tmp_path):
    roots = [tmp_path / "build" / "mine"]
    links = RunLinks(tmp_path, lambda: roots)
    (tmp_path / "mine").mkdir()

    def linked():
        return {path.name: int(path.resolve().name) for path in (tmp_path / "mine").iterdir()}

    name = "2026-01-31 23:59:59 transformer 929k"
    second = add(8)
    links.update()
    assert linked() == {name: 8}
    add(7)  # Comes later, sorts before, and is called alike.
    links.update()
    assert linked() == {name: 8, f"{name} (2)": 7}
    for path in second.iterdir():
        path.unlink()
    second.rmdir()
    links.update()
    assert linked() == {f"{name} (2)": 7}


def test_a_folder_that_is_not_there_holds_no_runs(tmp_path):
    assert training_runs.pipelines(tmp_path / "build") == []
    assert training_runs.find([Path("nowhere")]) == []
