from __future__ import annotations

import apache_beam as beam
import pytest

from components.errors import CorpusError, StageError, VocabularyError, root_cause


def fail(_: int) -> None:
    raise CorpusError("a.txt: byte 0xff at offset 3\nis not UTF-8")


def test_the_message_survives_beam_and_is_found_again() -> None:
    with (
        pytest.raises(Exception, match="byte 0xff at offset 3 is not UTF-8") as caught,
        beam.Pipeline(runner="FnApiRunner") as pipeline,
    ):
        _ = pipeline | beam.Create([1]) | "Fail" >> beam.Map(fail)

    found = root_cause(caught.value)

    assert type(found) is CorpusError
    assert str(found) == "a.txt: byte 0xff at offset 3 is not UTF-8"


def test_an_error_is_found_in_a_chain_of_causes() -> None:
    try:
        try:
            raise VocabularyError("too small")
        except VocabularyError as error:
            raise RuntimeError("the launcher failed") from error
    except RuntimeError as outer:
        found = root_cause(outer)

    assert type(found) is VocabularyError
    assert str(found) == "too small"


def test_another_error_has_no_root_cause_of_ours() -> None:
    assert root_cause(ValueError("CorpusErrors are not mentioned here: no")) is None


@pytest.mark.parametrize("cls", [StageError, CorpusError, VocabularyError])
def test_a_message_is_one_line(cls: type[StageError]) -> None:
    assert "\n" not in str(cls("one\ntwo"))
