import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from models import causal_lm, export
from models.features import END_ID, LOSS_MASK, NUM_BYTES, TOKEN_IDS
from models.scoring import prediction_sums, token_nll
from models.tokenizer import GraphTokenizer
from serving import contract
from serving.stock_ops import missing_ops

PROMPTS = ["The quick", "", "Pack my box"]


@pytest.fixture(scope="module")
def loaded(model, tokenizer_proto, tmp_path_factory):
    directory = str(tmp_path_factory.mktemp("export"))
    export.export(model, GraphTokenizer(tokenizer_proto), directory)
    return tf.saved_model.load(directory), directory


def _nll(model, ids):
    return float(tf.reduce_sum(token_nll(model, ids, tf.ones([ids.shape[0], ids.shape[1] - 1]))))


def _call(loaded, prompts, **values):
    inputs = export.default_inputs(prompts, **values)
    return loaded.signatures[contract.GENERATE](**{name: tf.constant(v) for name, v in inputs.items()})


def test_the_loaded_model_continues_as_the_one_in_memory(model, tokenizer, loaded):
    inputs = export.default_inputs(PROMPTS, max_new_tokens=10, temperature=0.0)
    in_memory = export.ServedLanguageModel(model.decoder(), tokenizer).generate(
        **{name: tf.constant(value) for name, value in inputs.items()}
    )
    from_disk = _call(loaded[0], PROMPTS, max_new_tokens=10, temperature=0.0)
    for name in ("text", "num_tokens", "finish_reason"):
        assert from_disk[name].numpy().tolist() == in_memory[name].numpy().tolist()


def test_the_signatures_are_the_contracts(loaded):
    saved = saved_model_pb2.SavedModel.FromString(
        (tf.io.gfile.GFile(f"{loaded[1]}/saved_model.pb", "rb")).read()
    )
    signatures = saved.meta_graphs[0].signature_def
    for name, signature in contract.SIGNATURES.items():
        found = signatures[name]
        assert {k: tf.as_dtype(v.dtype).name for k, v in found.inputs.items()} == {
            field.name: field.dtype for field in signature.inputs
        }
        assert {k: tf.as_dtype(v.dtype).name for k, v in found.outputs.items()} == {
            field.name: field.dtype for field in signature.outputs
        }
        assert {k: tf.make_ndarray(v).tolist() for k, v in found.defaults.items()} == {
            field.name: [pytest.approx(field.default)]
            for field in signature.inputs
            if field.default is not None
        }


def test_the_graph_needs_stock_ops_alone_and_no_xla(loaded):
    saved = saved_model_pb2.SavedModel.FromString(
        (tf.io.gfile.GFile(f"{loaded[1]}/saved_model.pb", "rb")).read()
    )
    graph = saved.meta_graphs[0].graph_def
    ops = {node.op for node in graph.node} | {
        node.op for function in graph.library.function for node in function.node_def
    }
    assert "SentencepieceTokenizeOp" in ops
    assert missing_ops(loaded[1]) == []
    assert not [op for op in ops if op.startswith("Xla") or "PyFunc" in op]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"max_new_tokens": 0}, "max_new_tokens must be at least 1, got [0]"),
        ({"temperature": -1.0}, "temperature must be 0"),
        ({"temperature": float("nan")}, "temperature must be 0"),
        ({"top_k": -1}, "top_k must be 0"),
        ({"top_p": 0.0}, "top_p must be above 0"),
        ({"top_p": 1.5}, "top_p must be above 0"),
    ],
)
def test_a_setting_out_of_range_is_refused_in_words(loaded, values, message):
    with pytest.raises(tf.errors.InvalidArgumentError) as raised:
        _call(loaded[0], ["a"], **values)
    assert message in str(raised.value)


def test_a_prompt_longer_than_the_context_is_refused_in_words(loaded):
    with pytest.raises(tf.errors.InvalidArgumentError, match="a prompt may have at most 23 tokens"):
        _call(loaded[0], ["word " * 100])


def test_the_score_of_a_text_is_the_sum_over_its_tokens(model, tokenizer, loaded):
    texts = ["The lazy dog", "", "é 🙂"]
    scores = loaded[0].signatures[contract.SCORE](tf.constant(texts))
    assert scores["num_bytes"].numpy().tolist() == [len(text.encode()) for text in texts]
    for text, found, count in zip(
        texts, scores["log_probability"].numpy(), scores["num_tokens"], strict=True
    ):
        ids, lengths = tokenizer.encode(tf.constant([text]))
        assert int(count) == int(lengths[0]) - 1
        expected = 0.0 if int(count) == 0 else -_nll(model, ids)
        assert found == pytest.approx(expected, rel=1e-4)


def test_a_text_longer_than_the_context_is_scored_in_windows(model, tokenizer, loaded, monkeypatch):
    monkeypatch.setattr(export, "_SCORED_TOKENS_AT_A_TIME", 2 * model.context_length)
    text = "How vexingly quick daft zebras jump; " * 8
    ids = tokenizer.encode(tf.constant([text]))[0].numpy()[0]
    context = model.context_length
    assert len(ids) > 2 * context
    windows = [ids[start : start + context + 1] for start in range(0, len(ids) - 1, context)]
    expected = -sum(_nll(model, tf.constant([window])) for window in windows)
    texts = tf.constant([text, "short"])
    few_at_a_time = export.ServedLanguageModel(model.decoder(), tokenizer).score(texts)
    for scores in (loaded[0].signatures[contract.SCORE](texts), few_at_a_time):
        assert float(scores["log_probability"][0]) == pytest.approx(expected, rel=1e-4)


def _examples(ids, mask):
    return [
        tf.train.Example(
            features=tf.train.Features(
                feature={
                    TOKEN_IDS: tf.train.Feature(int64_list=tf.train.Int64List(value=row)),
                    LOSS_MASK: tf.train.Feature(int64_list=tf.train.Int64List(value=row_mask)),
                    NUM_BYTES: tf.train.Feature(int64_list=tf.train.Int64List(value=[7])),
                }
            )
        ).SerializeToString()
        for row, row_mask in zip(ids, mask, strict=True)
    ]


def test_evaluate_sums_over_the_targets_that_count(model, loaded):
    width = model.context_length + 1
    ids = np.zeros((2, width), np.int64)
    ids[0] = np.random.default_rng(0).integers(3, 320, width)
    ids[1, :5] = [END_ID, 9, 10, 11, END_ID]
    mask = np.zeros((2, width), np.int64)
    mask[0, 4:] = 1
    mask[1, 2:5] = 1
    examples = _examples(ids, mask)
    sums = loaded[0].signatures[contract.EVALUATE](tf.constant(examples))
    nll = token_nll(model, tf.constant(ids, tf.int32), tf.ones([2, width - 1])).numpy()
    np.testing.assert_allclose(sums["nll"], [nll[0, 3:].sum(), nll[1, 1:4].sum()], rtol=1e-4)
    assert sums["num_tokens"].numpy().tolist() == [width - 4, 3.0]
    assert sums["num_bytes"].numpy().tolist() == [7.0, 7.0]
    logits = causal_lm.logits(model, tf.constant(ids[:, :-1], tf.int32))
    expected = prediction_sums(logits, tf.constant(ids, tf.int32), tf.constant(mask[:, 1:], tf.float32))
    for name, value in expected.items():
        np.testing.assert_allclose(sums[name], value, rtol=1e-4, atol=1e-4, err_msg=name)


def test_evaluate_gives_a_row_the_same_sums_in_any_company(model, loaded, monkeypatch):
    width = model.context_length + 1
    random = np.random.default_rng(1)
    ids, mask = random.integers(3, 320, (7, width)), random.integers(0, 2, (7, width))
    module = export.ServedLanguageModel(model.decoder(), None)
    monkeypatch.setattr(export, "_SCORED_TOKENS_AT_A_TIME", 3 * model.context_length)
    in_threes = module.evaluate(tf.constant(_examples(ids, mask)))
    alone = [loaded[0].signatures[contract.EVALUATE](tf.constant([row])) for row in _examples(ids, mask)]
    assert {name: value.shape[1:].as_list() for name, value in in_threes.items()} == {
        field.name: [field.columns] if field.columns else [] for field in contract.EVALUATE_SIGNATURE.outputs
    }
    for name, values in in_threes.items():
        np.testing.assert_allclose(values, np.concatenate([row[name] for row in alone]), rtol=1e-4, atol=1e-4)


def test_logits_of_a_text_do_not_depend_on_padding(model):
    ids = tf.constant([[END_ID, 30, 31, 0, 0]])
    np.testing.assert_allclose(
        causal_lm.logits(model, ids)[:, :3], causal_lm.logits(model, ids[:, :3]), rtol=1e-5, atol=1e-5
    )
