"""With attention within documents, a packed row is so many texts that stand alone."""

import numpy as np
import pytest
import tensorflow as tf

from components.sequence_packer import packing
from components.sequence_packer.packing import TokenizedDocument
from models import causal_lm, document_attention
from models.features import END_ID, PAD_ID
from models.scoring import token_nll
from models.tokenizing.vocabulary import Vocabulary
from models.training.step import objective_sums

DOCUMENTS = [[7, 8, 9, 10, 11], [12], [13, 14, 15, 16, 17, 18, 19], [20, 21]]
ROW = [END_ID, *DOCUMENTS[0], END_ID, *DOCUMENTS[1], END_ID, *DOCUMENTS[2], END_ID, *DOCUMENTS[3]]


@pytest.fixture
def within(model):
    causal_lm.attend_within_documents(model, END_ID)
    yield model
    model.document_start = None


def _ids(ids):
    return tf.constant([ids], tf.int32)


def _alone(model):
    """The logits of each document behind its start token, one after the other."""
    model.document_start = None
    logits = [causal_lm.logits(model, _ids([END_ID, *document]))[0] for document in DOCUMENTS]
    model.document_start = END_ID
    return np.concatenate(logits)


def test_the_example():
    found = document_attention.find(_ids([5, 6, 2, 7, 8, 2]), 2)

    assert found.positions.numpy().tolist() == [[0, 1, 0, 1, 2, 0]]
    assert [[int(seen) for seen in row] for row in found.visible.numpy()[0]] == [
        [1, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0],
        [0, 0, 1, 0, 0, 0],
        [0, 0, 1, 1, 0, 0],
        [0, 0, 1, 1, 1, 0],
        [0, 0, 0, 0, 0, 1],
    ]


def test_the_documents_are_the_packers_segments():
    vocabulary = Vocabulary((b"", b"", b"") + (b"x",) * 30, END_ID, END_ID, PAD_ID)
    documents = [TokenizedDocument(np.array(ids, np.int32), len(ids)) for ids in DOCUMENTS]
    packed = [
        row
        for rows in packing.pack_stream(documents, vocabulary, 6)
        for row in zip(rows.token_ids, rows.segment_ids, strict=True)
    ]
    assert len(packed) > 1
    for token_ids, segment_ids in packed:
        own = segment_ids > 0
        segments = segment_ids[own]
        visible = document_attention.find(_ids(token_ids[own]), END_ID).visible.numpy()[0]
        same = (segments[:, None] == segments[None, :]) & np.tri(len(segments), dtype=bool)
        np.testing.assert_array_equal(visible, same)


def test_the_logits_of_a_packed_row_are_those_of_each_document_alone(within):
    np.testing.assert_allclose(causal_lm.logits(within, _ids(ROW))[0], _alone(within), atol=1e-5, rtol=1e-5)


def test_changing_one_document_changes_no_logit_of_another(within):
    before = causal_lm.logits(within, _ids(ROW)).numpy()[0]
    changed = causal_lm.logits(within, _ids([*ROW[:2], 30, *ROW[3:]])).numpy()[0]

    own = slice(2, 1 + len(DOCUMENTS[0]))
    assert (np.abs(changed[own] - before[own]).max(axis=1) > 1e-3).all()
    changed[own] = before[own]
    np.testing.assert_array_equal(changed, before)


def test_without_it_a_document_changes_those_behind_it(model):
    before = causal_lm.logits(model, _ids(ROW)).numpy()[0]
    changed = causal_lm.logits(model, _ids([*ROW[:2], 30, *ROW[3:]])).numpy()[0]

    assert (np.abs(changed[8:] - before[8:]).max(axis=1) > 1e-5).all()


def test_what_is_exported_evaluates_rows_as_they_are_trained(within):
    decoder = within.decoder()

    np.testing.assert_allclose(decoder.sequence_logits(_ids(ROW))[0], _alone(within), atol=2e-5, rtol=1e-5)


@pytest.mark.parametrize("compiled", [False, True])
def test_the_gradients_are_those_of_the_documents_apart(within, compiled):
    variables = [variable.value for variable in within.trainable_variables]

    def gradients(rows, masks):
        with tf.GradientTape() as tape:
            _, objective = objective_sums(within, rows, masks, 0.0)
        return [tf.convert_to_tensor(part) for part in tape.gradient(objective, variables)]

    width = max(map(len, DOCUMENTS)) + 2
    apart = [[END_ID, *ids, END_ID] for ids in DOCUMENTS]
    masks = [[1.0] * (len(ids) - 1) + [0.0] * (width - len(ids)) for ids in apart]
    expected = gradients(
        tf.constant([ids + [PAD_ID] * (width - len(ids)) for ids in apart]), tf.constant(masks)
    )
    row = _ids([*ROW, END_ID])
    found = tf.function(gradients, jit_compile=compiled, autograph=False)(row, tf.ones([1, len(ROW)]))

    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-3, atol=2e-4)


def test_the_loss_of_a_row_is_the_sum_of_its_documents_losses(within):
    row = _ids([*ROW, END_ID])
    together = float(tf.reduce_sum(token_nll(within, row, tf.ones([1, len(ROW)]))))

    apart = sum(
        float(tf.reduce_sum(token_nll(within, _ids([END_ID, *ids, END_ID]), tf.ones([1, len(ids) + 1]))))
        for ids in DOCUMENTS
    )
    assert together == pytest.approx(apart, rel=1e-5)
