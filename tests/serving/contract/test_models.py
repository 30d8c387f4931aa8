import pytest
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_management_pb2,
    model_pb2,
)

BAD, MISSING = "INVALID_ARGUMENT", "NOT_FOUND"


def spec(name="numeric", version=None, label=None):
    found = model_pb2.ModelSpec(name=name, version_label=label)
    if version is not None:
        found.version.value = version
    return found


def metadata(fields=("signature_def",), **chosen):
    return get_model_metadata_pb2.GetModelMetadataRequest(model_spec=spec(**chosen), metadata_field=fields)


def status(**chosen):
    return get_model_status_pb2.GetModelStatusRequest(model_spec=spec(**chosen))


def test_metadata_holds_every_signature_with_inputs_and_outputs(api):
    answer = api.predictions.GetModelMetadata(metadata())
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert answer.metadata["signature_def"].Unpack(signatures)
    assert answer.model_spec.name == "numeric"
    assert answer.model_spec.version.value == 3
    found = signatures.signature_def
    assert {"serving_default", "add", "echo", "matrix"} <= set(found)
    assert found["serving_default"].inputs["x"].dtype == 1
    assert [dim.size for dim in found["serving_default"].inputs["x"].tensor_shape.dim] == [-1]
    assert set(found["add"].outputs) == {"sum", "difference"}
    # TensorFlow Serving 2.20 no longer sends them, as they may be large.
    assert list(found["add"].defaults) in (["z"], [])


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (get_model_metadata_pb2.GetModelMetadataRequest(), BAD, "Missing ModelSpec"),
        (metadata(()), BAD, "GetModelMetadataRequest must specify at least one metadata_field"),
        (metadata(["X"]), BAD, "Metadata field X is not supported"),
        (metadata(name="q"), MISSING, "Servable not found for request: Latest(q)"),
        (metadata(version=8), MISSING, "Servable not found for request: Specific(numeric, 8)"),
        (metadata(label="L"), BAD, "Unrecognized servable version label: L"),
    ],
)
def test_refused_metadata_has_the_stock_servers_code_and_words(api, refusal, request_, code, message):
    assert refusal(api.predictions.GetModelMetadata, request_) == (code, message)


@pytest.mark.parametrize(
    ("request_", "versions"),
    [
        (status(), [3]),
        (status(version=3), [3]),
        (status(label="no such label is looked at"), [3]),
        (status(name="all"), [5, 4, 3]),
        (status(name="all", version=4), [4]),
        (status(name="two words"), [5, 4]),
    ],
)
def test_the_status_lists_versions_in_descending_order(api, request_, versions):
    answer = api.models.GetModelStatus(request_)
    assert [found.version for found in answer.model_version_status] == versions
    for found in answer.model_version_status:
        assert found.state == get_model_status_pb2.ModelVersionStatus.AVAILABLE
        assert (found.status.error_code, found.status.error_message) == (0, "")


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (get_model_status_pb2.GetModelStatusRequest(), BAD, "Missing ModelSpec"),
        (status(name="q"), MISSING, "Could not find any versions of model q"),
        (status(name="q", version=1), MISSING, "Could not find version 1 of model q"),
        (status(version=8), MISSING, "Could not find version 8 of model numeric"),
    ],
)
def test_a_refused_status_has_the_stock_servers_code_and_words(api, refusal, request_, code, message):
    assert refusal(api.models.GetModelStatus, request_) == (code, message)


def reload_of(*models):
    request = model_management_pb2.ReloadConfigRequest()
    for name, path, platform in models:
        request.config.model_config_list.config.add(name=name, base_path=path, model_platform=platform)
    return request


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (
            model_management_pb2.ReloadConfigRequest(),
            "ServerModelConfig type not supported by HandleReloadConfigRequest."
            " Only ModelConfigList is currently supported",
        ),
        (
            reload_of(("a", "/a", "tensorflow"), ("a", "/b", "tensorflow")),
            "Illegal to list model a multiple times in config list",
        ),
        (
            reload_of(("a", "b", "tensorflow")),
            "Expected model a to have an absolute path or URI; got base_path()=b",
        ),
    ],
)
def test_a_reload_that_cannot_be_leaves_everything_as_it_was(api, refusal, request_, message):
    assert refusal(api.models.HandleReloadConfigRequest, request_) == (BAD, message)
    assert len(api.models.GetModelStatus(status(name="all")).model_version_status) == 3
