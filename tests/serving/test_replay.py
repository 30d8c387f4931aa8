from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import prediction_log_pb2

from serving import contract
from serving.replay import (
    metadata_problems,
    replay_problems,
    signature_differences,
    warmup_shape_problems,
)
from serving.warmup import language_model_requests, write_warmup


def logs(requests):
    return [
        prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
        for request in requests
    ]


def test_records_that_are_answered_are_no_problem(language_server, language_model_dir):
    asked = (language_server.grpc_address, "toy", str(language_model_dir / "1"), 20.0)
    assert replay_problems(*asked) == []
    assert metadata_problems(*asked) == []


def test_a_record_that_is_refused_is_told_with_the_servers_words(language_server, tmp_path):
    good, bad = language_model_requests()[:2]
    bad.model_spec.signature_name = "rhyme"
    write_warmup(str(tmp_path), [good, bad])
    assert replay_problems(language_server.grpc_address, "toy", str(tmp_path), 20.0) == [
        "warm-up record 2 (signature rhyme) is answered with FAILED_PRECONDITION: "
        'Serving signature key "rhyme" not found.'
    ]


def test_the_metadata_of_another_model_is_told(language_server, numeric_dir):
    problems = metadata_problems(language_server.grpc_address, "toy", str(numeric_dir / "3"), 20.0)
    assert "GetModelMetadata does not name signature matrix" in problems
    [problem] = metadata_problems(language_server.grpc_address, "none", str(numeric_dir / "3"), 20.0)
    assert problem == (
        "GetModelMetadata is answered with NOT_FOUND: Servable not found for request: Latest(none)"
    )


def test_an_output_of_another_type_is_told():
    def signature(dtype):
        found = meta_graph_pb2.SignatureDef()
        found.outputs["y"].dtype = dtype
        return {"s": found}

    [problem] = signature_differences(signature(types_pb2.DT_FLOAT), signature(types_pb2.DT_HALF))
    assert problem.startswith("GetModelMetadata tells the outputs of signature s as {'y': 'DT_HALF[]'}; ")
    assert problem.endswith("expected {'y': 'DT_FLOAT[]'}")


def test_a_record_with_one_setting_for_several_rows_is_told():
    several, single = language_model_requests()[:2]
    assert warmup_shape_problems(logs([several, single])) == []
    del several.inputs["seed"]
    several.inputs["top_k"].int_val[:] = [0]
    several.inputs["top_k"].tensor_shape.dim[0].size = 1
    [problem] = warmup_shape_problems(logs([single, several]))
    assert problem.startswith(f"warm-up record 2 (signature {contract.SERVING_DEFAULT}) has ")
    assert "'prompts': 3" in problem
    assert "'top_k': 1" in problem
    assert "'seed': 1" in problem
