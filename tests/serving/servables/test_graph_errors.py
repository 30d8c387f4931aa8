import tensorflow as tf

from serving.errors import InvalidArgumentError
from serving.servables.graph_errors import human_message, serving_error

HEADING = (
    "Graph execution error:\n\nDetected at node A defined at (most recent call last):\n"
    "<stack traces unavailable>\n"
)


def test_of_an_assertion_only_the_authors_words_are_kept():
    message = (
        HEADING + "assertion failed: [prompt has 300 tokens: shorten it] "
        "[Condition x < y did not hold element-wise:] [x (Size:0) = ] [300] [y:0 = ] [256]\n"
        "\t [[{{node assert_less/Assert/Assert}}]] [Op:__inference_signature_wrapper_f_48]"
    )
    assert human_message(message) == "prompt has 300 tokens: shorten it"


def test_the_parts_of_a_worded_assertion_are_joined():
    message = "assertion failed: [prompt has] [300] [tokens]\n\t [[{{node Assert}}]]"
    assert human_message(message) == "prompt has 300 tokens"


def test_the_authors_quotes_and_letters_are_unescaped():
    message = r"assertion failed: [the model\'s caf\303\251 has 3\\4]" + "\n\t [[{{node A}}]]"
    assert human_message(message) == r"the model's café has 3\4"


def test_an_assertion_without_words_keeps_its_condition():
    message = (
        "assertion failed: [] [Condition x < y did not hold element-wise:] [x = ] [3]\n\t [[{{node A}}]]"
    )
    assert "Condition x < y did not hold" in human_message(message)


def test_an_ops_message_loses_its_place_in_the_graph():
    message = (
        HEADING + "Input shapes do not match: [2] vs. [3]\n\t [[{{node StringJoin}}]] [Op:__inference_g_61]"
    )
    assert human_message(message) == "Input shapes do not match: [2] vs. [3]"


def test_of_several_root_errors_the_first_is_kept():
    message = (
        "2 root error(s) found.\n  (0) INVALID_ARGUMENT:  assertion failed: [too long]\n\t [[{{node A}}]]\n"
        "\t [[B/_5]]\n  (1) INVALID_ARGUMENT:  assertion failed: [another]\n\t [[{{node A}}]]\n"
        "0 successful operations."
    )
    assert human_message(message) == "too long"


def test_the_code_of_the_error_is_kept():
    error = serving_error(tf.errors.InvalidArgumentError(None, None, "no"))
    assert isinstance(error, InvalidArgumentError)
    assert error.message == "no"
