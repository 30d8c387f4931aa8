import json
import re

import pytest
from rich.console import Console
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.commands import data
from pipeline.data import outputs, row_text
from pipeline.errors import MissingInputError


@pytest.fixture
def lexmill(data_outputs, monkeypatch):
    """Runs a command on the small corpus; gives what it prints."""
    monkeypatch.setattr(outputs, "find", lambda *_, **__: data_outputs)

    def invoke(*arguments):
        result = CliRunner().invoke(app, arguments, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    return invoke


def test_peek_shows_all_text_of_the_rows_that_were_asked_for(lexmill, data_outputs):
    printed = lexmill("data", "peek", "tiny", "--rows", "4", "--start", "2")
    assert [int(n) for n in re.findall(r"^row (\d+)  train ", printed, re.MULTILINE)] == [2, 3, 4, 5]
    rows = [row_text.decode_row(row) for row in data_outputs.rows("train")][2:6]
    vocabulary = data_outputs.tokenizer.vocabulary
    for row, text in zip(rows, printed.split("row ")[1:], strict=True):
        quoted = "".join(re.findall(r'^  \d+  (?:target|context)\s+"(.*)"$', text, re.MULTILINE))
        assert quoted == row_text.quote(vocabulary.text(row.token_ids))[1:-1]


def test_peek_shows_rows_of_one_source_under_their_own_numbers(lexmill, data_outputs):
    printed = lexmill("data", "peek", "tiny", "--source", "pairs", "--rows", "2", "--split", "eval")
    numbers = [n for n, row in enumerate(data_outputs.rows("eval")) if row_text.source_of(row) == "pairs"]
    shown = re.findall(r"^row (\d+)  eval  source pairs", printed, re.MULTILINE)
    assert [int(number) for number in shown] == numbers[:2]
    assert re.search(r'context +"\d+ \+ \d+ = "\n +\d+ +target +"\d+"\n +\d+ +target +end', printed)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--split", "dev"], "dev: no such split: there are train, eval, test"),
        (["--source", "verse"], "verse: no such source in train: there are pairs, prose"),
        (["--start", "1000000"], r"1000000: no such row: train has the rows 0 to \d+"),
    ],
)
def test_peek_says_what_there_is_instead(lexmill, arguments, message):
    with pytest.raises(MissingInputError, match=message):
        lexmill("data", "peek", "tiny", *arguments)


def test_on_a_terminal_prompts_are_dim_and_documents_end_visibly(lexmill, data_outputs, monkeypatch):
    shown = Console(force_terminal=True, color_system="standard", width=100, record=True, soft_wrap=True)
    monkeypatch.setattr(data, "Console", lambda **_: shown)
    lexmill("data", "peek", "tiny", "--source", "pairs", "--rows", "1", "--start", "1")
    styled = shown.export_text(styles=True)
    assert re.search(r"\d(?:\x1b\[0m)?\x1b\[36m\[end\]\x1b\[0m\x1b\[2m\d+ \+ \d+ = \x1b\[0m\d", styled)


def test_trace_names_the_document_and_the_place(lexmill, data_outputs):
    printed = lexmill("trace", "tiny", "3")
    head, *places = printed.splitlines()
    assert re.fullmatch(r"row 3  train  source \w+  17 tokens, of \d+ documents?", head)
    assert len(places) >= 1
    row = row_text.decode_row(list(data_outputs.rows("train"))[3])
    quoted = "".join(json.loads(place[place.rindex(': "') + 2 :]) for place in places)
    assert quoted.encode() == data_outputs.tokenizer.vocabulary.text(row.token_ids)


def test_trace_wants_a_number(lexmill):
    with pytest.raises(MissingInputError, match=r"^x: expected a row's number, from 0"):
        lexmill("trace", "tiny", "x")
