import grpc
import pytest
import tensorflow as tf
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    model_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)


@pytest.fixture(scope="module")
def channel(numeric_server):
    options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(numeric_server.grpc_address, options=options) as channel:
        yield channel


@pytest.fixture(scope="module")
def predictions(channel):
    return prediction_service_pb2_grpc.PredictionServiceStub(channel)


@pytest.fixture(scope="module")
def models(channel):
    return model_service_pb2_grpc.ModelServiceStub(channel)


def spec(signature_name="", name="numeric", version=None, label=None):
    found = model_pb2.ModelSpec(name=name, signature_name=signature_name, version_label=label)
    if version is not None:
        found.version.value = version
    return found


def predict_request(model_spec, output_filter=(), **inputs):
    request = predict_pb2.PredictRequest(model_spec=model_spec, output_filter=output_filter)
    for alias, value in inputs.items():
        request.inputs[alias].CopyFrom(tf.make_tensor_proto(value))
    return request


X = tf.constant([1.0, 2.5])


def test_predict_answers_in_typed_fields_and_names_version_and_signature(predictions):
    answer = predictions.Predict(predict_request(spec(), x=X))
    assert list(answer.outputs["y"].float_val) == [2.0, 5.0]
    assert not answer.outputs["y"].tensor_content
    assert answer.model_spec.name == "numeric"
    assert answer.model_spec.version.value == 3
    assert answer.model_spec.signature_name == "serving_default"


@pytest.mark.parametrize("chosen", [{"version": 3}, {"label": "stable"}])
def test_a_version_and_a_label_choose_the_version(predictions, chosen):
    assert predictions.Predict(predict_request(spec(**chosen), x=X)).model_spec.version.value == 3


def test_defaults_and_output_filter_are_honoured(predictions):
    answer = predictions.Predict(predict_request(spec("add"), ["sum"], x=X))
    assert {alias: list(proto.float_val) for alias, proto in answer.outputs.items()} == {"sum": [11.0, 12.5]}


def test_messages_beyond_grpcs_default_limit_pass(predictions):
    numbers = tf.range(2_000_000, dtype=tf.float32)
    answer = predictions.Predict(predict_request(spec(), x=numbers))
    assert len(answer.outputs["y"].float_val) == 2_000_000


BROKEN = predict_request(spec())
BROKEN.inputs["x"].dtype = 1
BROKEN.inputs["x"].tensor_content = b"123"

BAD_REQUEST, MISSING, PRECONDITION = "INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION"


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (predict_pb2.PredictRequest(), BAD_REQUEST, "Missing ModelSpec"),
        (predict_request(spec(name=""), x=X), BAD_REQUEST, "ModelSpec has no name specified."),
        (predict_request(spec(name="q"), x=X), MISSING, "Servable not found for request: Latest(q)"),
        (
            predict_request(spec(version=8), x=X),
            MISSING,
            "Servable not found for request: Specific(numeric, 8)",
        ),
        (
            predict_request(spec(label="gone"), x=X),
            MISSING,
            "Servable not found for request: Specific(numeric, 9)",
        ),
        (predict_request(spec(label="L"), x=X), BAD_REQUEST, "Unrecognized servable version label: L"),
        (predict_request(spec("S"), x=X), PRECONDITION, 'Serving signature key "S" not found.'),
        (
            predict_request(spec()),
            BAD_REQUEST,
            "input size does not match signature: 0!=1 len({}) != len({x})."
            " Sent extra: {}. Missing but required: {x}.",
        ),
        (
            predict_request(spec(), x=tf.constant([1.0], tf.float64)),
            BAD_REQUEST,
            "Expects arg[0] to be float but double is provided",
        ),
        (BROKEN, BAD_REQUEST, "tensor parsing error: x"),
        (
            predict_request(spec(), ["z"], x=X),
            BAD_REQUEST,
            "output tensor alias not found in signature: z Outputs expected to be in the set {y}.",
        ),
        (predict_request(spec(), ["y", "y"], x=X), BAD_REQUEST, "duplicate output tensor alias: y"),
        (
            predict_request(spec("matrix"), x=tf.zeros([5, 1])),
            BAD_REQUEST,
            "the batch has more than 4 rows: send fewer",
        ),
        (predict_request(spec("S" * 5000), x=X), PRECONDITION, f'Serving signature key "{"S" * 1001}'),
    ],
)
def test_predict_refuses_in_the_stock_servers_words(predictions, request_, code, message):
    with pytest.raises(grpc.RpcError) as caught:
        predictions.Predict(request_)
    assert (caught.value.code().name, caught.value.details()) == (code, message)


def test_metadata_holds_the_signatures(predictions):
    request = get_model_metadata_pb2.GetModelMetadataRequest(
        model_spec=spec(), metadata_field=["signature_def"]
    )
    answer = predictions.GetModelMetadata(request)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert answer.metadata["signature_def"].Unpack(signatures)
    assert {"serving_default", "add", "echo", "matrix"} <= set(signatures.signature_def)
    assert answer.model_spec.version.value == 3


def test_metadata_refuses_in_the_stock_servers_words(predictions):
    def refusal(**fields):
        with pytest.raises(grpc.RpcError) as caught:
            predictions.GetModelMetadata(get_model_metadata_pb2.GetModelMetadataRequest(**fields))
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        return caught.value.details()

    assert refusal() == "Missing ModelSpec"
    assert refusal(model_spec=spec()) == "GetModelMetadataRequest must specify at least one metadata_field"
    assert refusal(model_spec=spec(), metadata_field=["X"]) == "Metadata field X is not supported"


def test_status_says_which_version_is_available(models):
    answer = models.GetModelStatus(get_model_status_pb2.GetModelStatusRequest(model_spec=spec()))
    (status,) = answer.model_version_status
    assert (status.version, status.state, status.status.error_code) == (3, 30, 0)


@pytest.mark.parametrize(
    ("model_spec", "code", "message"),
    [
        (None, BAD_REQUEST, "Missing ModelSpec"),
        (spec(name="q"), MISSING, "Could not find any versions of model q"),
        (spec(name="q", version=1), MISSING, "Could not find version 1 of model q"),
        (spec(version=8), MISSING, "Could not find version 8 of model numeric"),
        (spec(label="L"), BAD_REQUEST, "Unrecognized servable version label: L"),
    ],
)
def test_status_refuses_in_the_stock_servers_words(models, model_spec, code, message):
    with pytest.raises(grpc.RpcError) as caught:
        models.GetModelStatus(get_model_status_pb2.GetModelStatusRequest(model_spec=model_spec))
    assert (caught.value.code().name, caught.value.details()) == (code, message)


def test_what_is_not_there_yet_is_unimplemented(predictions, models):
    calls = [
        lambda: predictions.Classify(classification_pb2.ClassificationRequest()),
        lambda: predictions.Regress(regression_pb2.RegressionRequest()),
        lambda: predictions.MultiInference(inference_pb2.MultiInferenceRequest()),
        lambda: models.HandleReloadConfigRequest(model_management_pb2.ReloadConfigRequest()),
    ]
    for call in calls:
        with pytest.raises(grpc.RpcError) as caught:
            call()
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
