import io
import logging

from components import progress
from pipeline.terminal import RunDisplay


class _Terminal(io.StringIO):
    def isatty(self):
        return True


def _lines(file):
    return [line.rstrip() for line in file.getvalue().splitlines()]


def test_a_stage_that_has_ended_is_one_line_with_its_result_and_seconds():
    file = io.StringIO()
    with RunDisplay(file) as display:
        display.start("CorpusGen")
        progress.report("12 documents")
        display.finish(1.25, cached=False)
    assert _lines(file) == ["✓ CorpusGen          12 documents  (1.2 s)"]


def test_a_notice_stays_above_the_stages_line():
    file = io.StringIO()
    with RunDisplay(file) as display:
        display.start("Trainer")
        progress.notice("going on after step 20")
        progress.report("loss 1.2")
        display.finish(1.25, cached=False)
    assert _lines(file) == [
        "! Trainer            going on after step 20",
        "✓ Trainer            loss 1.2  (1.2 s)",
    ]


def test_a_cached_stage_says_so():
    file = io.StringIO()
    with RunDisplay(file) as display:
        display.start("Trainer")
        display.finish(0.1, cached=True)
    assert _lines(file) == ["· Trainer            cached"]


def test_off_a_terminal_progress_is_a_plain_line_every_few_seconds(monkeypatch):
    file = io.StringIO()
    with RunDisplay(file) as display:
        display.start("Trainer")
        display._last_plain_s = -1e9
        progress.report("loss 4.2", completed=20, total=1000)
        progress.report("loss 4.1", completed=40, total=1000)
        display.finish(2.0, cached=False, result="done")
    assert _lines(file) == [
        "  Trainer            20/1,000: loss 4.2",
        "✓ Trainer            done  (2.0 s)",
    ]


def test_on_a_terminal_the_stage_under_way_is_live():
    file = _Terminal()
    with RunDisplay(file) as display:
        display.start("Trainer")
        progress.report("loss 4.2, 10,000 tokens/s", completed=20, total=1000)
        display._bars.refresh()
        display.finish(2.0, cached=False, result="done")
    assert "20/1,000 loss 4.2, 10,000 tokens/s" in file.getvalue()


def test_the_handler_is_gone_afterwards():
    with RunDisplay(io.StringIO()) as display:
        assert display in logging.getLogger(progress.LOGGER_NAME).handlers
    assert display not in logging.getLogger(progress.LOGGER_NAME).handlers
