"""`ladder.require_prediction_within`: the command's exit status, on real readings of models never trained."""

from __future__ import annotations

import contextlib
import io

import pytest

from components.emergence_report import prediction, report, table
from pipeline import quiet
from pipeline.commands.ladder import DONE, UNPREDICTED, run_ladder
from pipeline.ladder import running

COMPUTE = (1e9, 4e9, 16e9, 64e9)


@pytest.fixture
def status(make_record, make_ladder_config, tmp_path, monkeypatch):
    """Of the command, and what it said, when the largest rung came out at ``loss`` and was begun at
    ``began``; the prediction is 2.0. ``seen``: how many smaller rungs it was made from."""
    make_ladder_config(tmp_path)

    def run(loss: float, *, began: str = "9", seen: int = 3) -> tuple[int, str]:
        losses = [1.0 + 8.0 / (compute / 1e9) ** 0.5 for compute in COMPUTE[:3]]
        smaller = [make_record(f"r{index}", COMPUTE[index], value, 0.0) for index, value in enumerate(losses)]
        largest = make_record("r3", COMPUTE[3], loss, 0.0, began=began)
        made = [prediction.predict(smaller, "r3", COMPUTE[3])] if seen == 3 else []
        folder = tmp_path / "report"
        report.write(str(folder), report.make([*smaller, largest], made))
        (folder / table.FILE).write_text(table.render([*smaller, largest]))
        outcome = running.LadderOutcome((), (), str(folder), ())
        said = io.StringIO()
        monkeypatch.setattr(running, "run", lambda config, observer: outcome)
        monkeypatch.setattr(quiet, "libraries_write_to", lambda log_file: contextlib.nullcontext(said))
        return run_ladder(str(tmp_path / "steps.toml"), [], str(tmp_path / "page.html")), said.getvalue()

    return run


def test_a_loss_as_predicted_ends_with_status_0(status) -> None:
    assert status(2.0)[0] == DONE


def test_a_loss_predicted_worse_than_allowed_ends_with_status_3(status) -> None:
    code, said = status(1.5)

    assert code == UNPREDICTED == 3
    assert "ladder.require_prediction_within: transformer: the predicted loss is 3" in said
    assert "at most 10.0% allowed" in said


def test_a_prediction_that_was_made_after_training_began_ends_with_status_3(status) -> None:
    code, said = status(2.0, began="1")

    assert code == UNPREDICTED
    assert "the prediction was made after training" in said


def test_a_family_of_which_nothing_was_predicted_ends_with_status_3(status) -> None:
    code, said = status(2.0, seen=2)

    assert code == UNPREDICTED
    assert "nothing was predicted: it takes three smaller rungs" in said


def test_a_text_to_paste_lies_beside_the_page(status, tmp_path) -> None:
    status(2.0)
    text = (tmp_path / "emergence.md").read_text()

    assert text.startswith("| transformer | r0, 0.167M | r1, 0.667M |")
    assert "| loss, nats per token | 9.000 | 5.000 | 3.000 | 2.000 |  |" in text
    assert "| addition (a guess: 0) | 0 | 0 | 0 | 0 | not learned: the largest models are " in text
    assert "Predicted before transformer r3 was trained: loss 2." in text
