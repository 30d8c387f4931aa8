import numpy as np
import pytest
import tensorflow as tf

from models.features import LANGUAGE, SOURCE
from models.prediction_measures import metrics
from pipeline.errors import MissingInputError
from pipeline.evaluation import row_scores
from serving import contract

TEXT = (
    "The quick brown fox jumps over the lazy dog. Pack my box with five dozen liquor jugs! Ünïcode 🙂.\n" * 30
)


def test_a_text_has_the_loss_that_the_score_signature_gives_it(loaded, text_tokenizer):
    records = row_scores.rows_of_text(TEXT, "t.txt", text_tokenizer, 24)
    told = []
    sums = row_scores.measure(loaded, records, lambda done, total: told.append((done, total)))
    score = loaded.signatures[contract.SCORE](tf.constant([TEXT]))
    # The rows hold one target more: the token that ends the document.
    assert sums["num_tokens"].sum() == float(score["num_tokens"][0]) + 1
    assert sums["num_bytes"].sum() == len(TEXT.encode())
    without_end = sums["nll"].sum() + float(score["log_probability"][0])
    assert 0.0 < without_end < 40.0
    assert told[-1] == (len(records), len(records))
    assert len(told) > 1
    values = metrics({name: value.sum(axis=0) for name, value in sums.items()})
    assert 0.0 <= values["accuracy"] < 0.5
    assert sums["bin_tokens"].sum() == sums["num_tokens"].sum()


def test_an_empty_text_is_refused_in_words(text_tokenizer):
    with pytest.raises(MissingInputError, match=r"^t\.txt: empty: there is nothing to evaluate on$"):
        row_scores.rows_of_text("", "t.txt", text_tokenizer, 24)


def _row(**features):
    named = {
        name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode()]))
        for name, value in features.items()
    }
    return tf.train.Example(features=tf.train.Features(feature=named)).SerializeToString()


def test_each_row_is_in_one_slice_of_each_kind_that_it_tells():
    rows = [
        _row(**{SOURCE: "b", LANGUAGE: "en"}), _row(**{SOURCE: "a", LANGUAGE: "fr"}), _row(**{SOURCE: "b"}),
    ]  # fmt: skip
    found = row_scores.slices(rows)
    assert list(found) == ["source:a", "source:b", "language:en", "language:fr"]
    assert found["source:b"].tolist() == [True, False, True]
    assert found["language:fr"].tolist() == [False, True, False]
    assert np.all(found["source:a"] ^ found["source:b"])
