import pytest
from pydantic import ValidationError

from components import documents
from components.config import PackingConfig
from components.documents import Document
from components.sequence_packer.slicing import language_and_length, length_bucket

TEXT = "La mer est calme ce soir, et le vent ne souffle plus sur le port."


@pytest.mark.parametrize(
    ("num_bytes", "name"),
    [(0, "<256"), (255, "<256"), (256, "256-1023"), (1023, "256-1023"), (1024, ">=1024"), (5000, ">=1024")],
)
def test_a_length_is_in_the_bucket_that_its_name_says(num_bytes, name):
    assert length_bucket(num_bytes, (256, 1024)) == name


def test_without_buckets_there_is_one():
    assert length_bucket(5, ()) == length_bucket(50_000, ()) == ""


def test_a_held_out_document_is_told_by_its_measured_language_and_a_training_one_by_nothing():
    document = documents.decode(documents.encode(Document(TEXT, "prose", "a.txt#1")))
    assert language_and_length(document, "test", (64, 1024)) == ("fr", "64-1023")
    assert language_and_length(document, "eval", (64, 1024)) == ("fr", "64-1023")
    assert language_and_length(document, "train", (64, 1024)) == ("", "")


@pytest.mark.parametrize("lengths", [[5, 5], [9, 3], [0, 4]])
def test_lengths_that_do_not_ascend_are_refused(lengths):
    with pytest.raises(ValidationError, match="each greater than the one before"):
        PackingConfig(length_buckets=lengths)
