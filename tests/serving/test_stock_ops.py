import pytest
import tensorflow as tf
import tensorflow_text as tf_text

from serving.stock_ops import PYTHON_OPS, TEXT_OPS, missing_ops

STRINGS = [tf.TensorSpec([None], tf.string, "x")]


def saved(tmp_path, function, signature=STRINGS, **options):
    module = tf.Module()
    module.function = tf.function(function, input_signature=signature, **options)
    tf.saved_model.save(module, str(tmp_path), signatures={"serving_default": module.function})
    return str(tmp_path)


def test_a_model_of_tensorflows_own_ops_has_no_problem(language_model_dir):
    assert missing_ops(str(language_model_dir / "1")) == []


def test_tokenizers_of_the_image_have_no_problem(tmp_path):
    tokenizer = tf_text.WhitespaceTokenizer()
    assert missing_ops(saved(tmp_path, lambda x: {"n": tokenizer.tokenize(x).row_lengths()})) == []


@pytest.mark.filterwarnings("ignore:.*py_function.*")
def test_a_call_of_python_is_found_in_a_function_called_by_a_function(tmp_path):
    @tf.function
    def inner(x):
        return tf.ensure_shape(tf.py_function(lambda value: value, [x], tf.string), [None])

    def outer(x):
        return {"y": tf.cond(tf.size(x) > 1, lambda: tf.strings.upper(inner(x)), lambda: x)}

    problems = missing_ops(saved(tmp_path, outer))
    assert len(problems) == 1
    assert problems[0].startswith("op EagerPyFunc in function __inference")
    assert "it calls Python" in problems[0]


def test_an_op_that_only_the_wheel_has_is_found_though_its_library_is_loaded(tmp_path):
    trimmer = tf_text.RoundRobinTrimmer(max_seq_length=3)

    def trim(x):
        tokens = tf.RaggedTensor.from_tensor(tf.expand_dims(x, 1))
        return {"y": trimmer.trim([tokens])[0].to_tensor()}

    (problem,) = missing_ops(saved(tmp_path, trim))
    assert problem.startswith("op TFText>RoundRobinTrim in ")
    assert "is missing in the stock TensorFlow Serving image" in problem


def test_a_function_compiled_with_xla_is_found(tmp_path):
    numbers = [tf.TensorSpec([None], tf.float32, "x")]
    problems = missing_ops(saved(tmp_path, lambda x: {"y": 2.0 * x}, numbers, jit_compile=True))
    assert problems
    assert all("must be compiled with XLA" in problem for problem in problems)


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_a_narrow_float_output_is_found(tmp_path, name):
    numbers = [tf.TensorSpec([None], tf.float32, "x")]
    assert missing_ops(saved(tmp_path, lambda x: {"y": tf.cast(x, name)}, numbers)) == [
        f"output y of signature serving_default is {name}, which REST cannot write: export it as float32"
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "saved_model.pb: it does not exist"),
        (b"", "saved_model.pb is empty"),
        (b"\x0a\xff\xff", "saved_model.pb is truncated or not a SavedModel"),
        (b"\x08\x01", "saved_model.pb has no graph tagged 'serve', only none at all"),
    ],
)
def test_a_file_that_is_no_saved_model_is_a_problem(tmp_path, content, message):
    if content is not None:
        (tmp_path / "saved_model.pb").write_bytes(content)
    (problem,) = missing_ops(str(tmp_path))
    assert message in problem


def test_the_generated_op_list_knows_no_loaded_library():
    assert not any(hasattr(tf.raw_ops, op) for op in TEXT_OPS)
    assert all(hasattr(tf.raw_ops, op) for op in PYTHON_OPS)
    assert hasattr(tf.raw_ops, "StatefulPartitionedCall")


@pytest.mark.parametrize("algorithm", ["unigram", "characters"])
def test_a_tokenizer_made_here_with_special_tokens_has_no_problem(tmp_path, algorithm):
    from components.config import TokenizerConfig
    from components.tokenizer_trainer import training
    from models.tokenizer import GraphTokenizer

    config = {"algorithm": algorithm, "vocabulary_size": 264, "special_tokens": ["<|user|>"]}
    content = training.train(["aab ab b\n" * 9], TokenizerConfig.model_validate(config))
    module = tf.Module()
    module.tokenizer = GraphTokenizer(content)
    module.encode = tf.function(
        lambda x: {"ids": module.tokenizer.encode(x)[0]}, input_signature=STRINGS, autograph=False
    )
    tf.saved_model.save(module, str(tmp_path), signatures={"serving_default": module.encode})

    assert missing_ops(str(tmp_path)) == []
    loaded = tf.saved_model.load(str(tmp_path)).signatures["serving_default"]
    assert loaded(x=tf.constant(["<|user|>"]))["ids"].numpy().tolist() == [[2, 3]]
