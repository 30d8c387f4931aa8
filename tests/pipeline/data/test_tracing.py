import dataclasses

import pytest

from components import documents
from pipeline.data import row_text, tracing
from pipeline.data.outputs import DOCUMENTS
from pipeline.errors import MissingInputError

SPLITS = ("train", "eval", "test")


@pytest.fixture(scope="module")
def traces(data_outputs):
    """Every row of the corpus, and its trace."""
    return [
        (row_text.decode_row(row), tracing.trace(data_outputs, split, number))
        for split in SPLITS
        for number, row in enumerate(data_outputs.rows(split))
    ]


@pytest.fixture(scope="module")
def texts(data_outputs):
    found = map(documents.decode, (each for split in SPLITS for each in data_outputs.documents(split)))
    return {(document.source, document.document_id): document for document in found}


def test_the_text_of_every_row_is_found_at_the_named_places(data_outputs, traces, texts):
    vocabulary = data_outputs.tokenizer.vocabulary
    assert len(traces) > 200
    for row, trace in traces:
        assert b"".join(place.text for place in trace.places) == vocabulary.text(row.token_ids)
        for place in trace.places:
            text = texts[trace.source, place.document_id].text.encode()
            start, end = place.span
            assert text[start:end] == place.text
            assert place.text == vocabulary.text(row.token_ids[slice(*place.row_tokens)])
            assert place.num_bytes == len(text)
            assert place.first_line == len(text[:start].split(b"\n"))
            assert place.tokens[1] - place.tokens[0] == place.row_tokens[1] - place.row_tokens[0]


def test_the_places_are_the_rows_segments(traces):
    for row, trace in traces:
        for place in trace.places:
            assert len(set(row.segment_ids[slice(*place.row_tokens)])) == 1
        assert [place.row_tokens for place in trace.places] == sorted(p.row_tokens for p in trace.places)


def test_every_document_is_found_whole_over_all_rows(traces, texts):
    spans = {}
    for _, trace in traces:
        for place in trace.places:
            spans.setdefault((trace.source, place.document_id), set()).add(place.span)
    assert spans.keys() == texts.keys()
    for key, document in texts.items():
        if documents.split_id(key[1])[0] == "same.txt":
            continue  # Of rows that are the same, all are traced to the first.
        covered = set().union(*(range(*span) for span in spans[key]))
        assert covered == set(range(len(document.text.encode())))


def test_there_are_documents_that_cross_rows_and_documents_with_prompts(traces, texts):
    """Of which the tests above speak."""
    parts = [place for _, trace in traces for place in trace.places]
    assert any(place.tokens[0] > 0 and place.tokens[1] < place.num_tokens for place in parts)
    assert any(document.num_prompt_bytes for document in texts.values())
    assert any(len(trace.places) > 2 for _, trace in traces)


def test_a_row_that_there_is_not_names_those_that_there_are(data_outputs):
    last = data_outputs.packing.total("eval").rows - 1
    with pytest.raises(MissingInputError, match=rf"^{last + 1}: no such row: eval has the rows 0 to {last}$"):
        tracing.trace(data_outputs, "eval", last + 1)
    with pytest.raises(MissingInputError, match=r"^dev: no such split: there are train, eval, test$"):
        tracing.trace(data_outputs, "dev", 0)


def test_rows_of_other_documents_are_not_traced(data_outputs):
    """Here, of other splits: nothing is found that only looks alike."""

    class Mixed(type(data_outputs)):
        def documents(self, split):
            return super().documents("test")

    mixed = Mixed(data_outputs.run_id, data_outputs.uris)
    assert mixed.has(DOCUMENTS)
    with pytest.raises(MissingInputError, match="row 0 of eval is not among the rows that this version"):
        tracing.trace(mixed, "eval", 0)


def test_rows_that_are_the_same_are_counted(data_outputs, traces):
    equal = {}
    for row, trace in traces:
        key = trace.split, trace.source, tuple(row.token_ids), tuple(row.loss_mask), tuple(row.segment_ids)
        equal.setdefault(key, []).append(trace)
    assert any(len(found) > 1 for found in equal.values())
    for found in equal.values():
        assert {trace.num_equal for trace in found} == {len(found)}
        assert len({dataclasses.replace(trace, number=0) for trace in found}) == 1
