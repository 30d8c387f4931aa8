import pytest
from tensorflow.core.example import example_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    inference_pb2,
    input_pb2,
    model_pb2,
    regression_pb2,
)

CLASSIFY, REGRESS = "tensorflow/serving/classify", "tensorflow/serving/regress"
BAD = "INVALID_ARGUMENT"


def spec(signature_name="", name="examples"):
    return model_pb2.ModelSpec(name=name, signature_name=signature_name)


def example(x=None):
    found = example_pb2.Example()
    if x is not None:
        found.features.feature["x"].float_list.value.append(x)
    return found


def inputs(*values):
    return input_pb2.Input(example_list=input_pb2.ExampleList(examples=[example(value) for value in values]))


def with_context(context, *values):
    examples = [example(value) for value in values]
    return input_pb2.Input(
        example_list_with_context=input_pb2.ExampleListWithContext(
            context=example(context), examples=examples
        )
    )


def classify(signature_name="classify", given=None, name="examples"):
    return classification_pb2.ClassificationRequest(
        model_spec=spec(signature_name, name), input=given or inputs(0.25)
    )


def regress(signature_name="regress", given=None, name="examples"):
    return regression_pb2.RegressionRequest(
        model_spec=spec(signature_name, name), input=given or inputs(0.25)
    )


def classes(answer):
    return [[(found.label, found.score) for found in one.classes] for one in answer.result.classifications]


def numbers(answer):
    return [found.value for found in answer.result.regressions]


def test_a_classification_has_classes_and_scores_for_each_example(api):
    answer = api.predictions.Classify(classify("", inputs(0.25, None)))
    assert classes(answer) == [[("low", 0.75), ("high", 0.25)], [("low", 0.0), ("high", 1.0)]]
    assert answer.model_spec.name == "examples"
    assert answer.model_spec.version.value == 1
    assert answer.model_spec.signature_name == "serving_default"


def test_a_classification_may_have_only_scores_or_only_classes(api):
    assert classes(api.predictions.Classify(classify("scores"))) == [[("", 0.25)]]
    assert classes(api.predictions.Classify(classify("labels", inputs(0.5)))) == [[("0.5", 0.0)]]


def test_a_regression_has_a_number_for_each_example(api):
    assert numbers(api.predictions.Regress(regress("regress", inputs(0.25, 2.0)))) == [0.5, 4.0]
    assert numbers(api.predictions.Regress(regress("column", inputs(0.25, 2.0)))) == [0.75, 6.0]


def test_a_context_fills_in_what_an_example_lacks(api):
    given = with_context(3.0, None, 2.0)
    assert numbers(api.predictions.Regress(regress("regress", given))) == [6.0, 4.0]


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (classification_pb2.ClassificationRequest(), BAD, "Missing ModelSpec"),
        (classify(name=""), BAD, "ModelSpec has no name specified."),
        (classify(name="q"), "NOT_FOUND", "Servable not found for request: Latest(q)"),
        (classify("S"), BAD, "No signature was found with the name: S"),
        (classify(given=input_pb2.Input()), BAD, "Input is empty."),
        (classify(given=with_context(1.0)), BAD, "Input is empty."),
        (classify("three"), BAD, "Expected one or two output Tensors, found 3"),
        (classify("flat"), BAD, "Expected Tensor shape: [batch_size num_classes] but got [1]"),
        (classify("add", name="numeric"), BAD, "Expected one input Tensor."),
    ],
)
def test_a_refused_classification_has_the_stock_servers_code_and_words(api, refusal, request_, code, message):
    assert refusal(api.predictions.Classify, request_) == (code, message)


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (regression_pb2.RegressionRequest(), BAD, "Missing ModelSpec"),
        (regress("S"), BAD, "No signature was found with the name: S"),
        (regress(given=input_pb2.Input()), BAD, "Input is empty."),
        (regress("classify"), BAD, "Expected one output Tensor."),
        (
            regress("wide"),
            BAD,
            "Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got [1,2]",
        ),
        (regress("add", name="numeric"), BAD, "Expected one input Tensor."),
    ],
)
def test_a_refused_regression_has_the_stock_servers_code_and_words(api, refusal, request_, code, message):
    assert refusal(api.predictions.Regress, request_) == (code, message)


@pytest.mark.parametrize(
    ("method", "request_", "beginning"),
    [
        ("Classify", classify("misnamed"), "No classification inputs found in SignatureDef: "),
        (
            "Classify",
            classify("regress"),
            'Expected classification signature outputs to contain at least one of "classes" or "scores". ',
        ),
        ("Regress", regress("misnamed"), "No regression inputs found in SignatureDef: "),
        ("Regress", regress("flat"), "No regression outputs found in SignatureDef: "),
    ],
)
def test_a_signature_of_another_kind_is_shown(api, refusal, method, request_, beginning):
    code, message = refusal(getattr(api.predictions, method), request_)
    assert code == BAD
    assert message.startswith(beginning)


def task(signature_name, method_name, name="examples"):
    return inference_pb2.InferenceTask(model_spec=spec(signature_name, name), method_name=method_name)


def multi(*tasks, given=None):
    return inference_pb2.MultiInferenceRequest(tasks=tasks, input=given or inputs(0.25, 1.0))


def test_several_inferences_share_their_examples(api):
    answer = api.predictions.MultiInference(multi(task("", CLASSIFY), task("regress", REGRESS)))
    first, second = answer.results
    assert [one.classes[1].score for one in first.classification_result.classifications] == [0.25, 1.0]
    assert [found.value for found in second.regression_result.regressions] == [0.5, 2.0]
    assert first.model_spec.signature_name == "serving_default"
    assert second.model_spec.signature_name == "regress"
    assert first.model_spec.version.value == second.model_spec.version.value == 1


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (inference_pb2.MultiInferenceRequest(), BAD, "ModelSpec has no name specified."),
        (multi(task("classify", CLASSIFY, "q")), "NOT_FOUND", "Servable not found for request: Latest(q)"),
        (
            multi(task("classify", CLASSIFY), task("x", CLASSIFY, "numeric")),
            BAD,
            "All ModelSpecs in a MultiInferenceRequest must access the same model name.",
        ),
        (
            multi(task("classify", CLASSIFY), task("x", CLASSIFY, "")),
            BAD,
            "Found ModelSpec with an empty model name.",
        ),
        (multi(task("S", CLASSIFY)), BAD, "Requested signature not found in model graph: S"),
        (
            multi(task("regress", REGRESS), task("regress", REGRESS)),
            BAD,
            "Duplicate evaluation of signature: regress",
        ),
        (
            multi(task("regress", "tensorflow/serving/predict")),
            "UNIMPLEMENTED",
            "Unsupported signature method_name: tensorflow/serving/predict",
        ),
        (multi(task("regress", REGRESS), given=input_pb2.Input()), BAD, "Input is empty."),
    ],
)
def test_a_refused_multi_inference_has_the_stock_servers_code_and_words(
    api, refusal, request_, code, message
):
    assert refusal(api.predictions.MultiInference, request_) == (code, message)
