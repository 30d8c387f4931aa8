import socket
import sys
import types

import pytest
import requests

from models.errors import PresetError
from models.presets import location


def _kaggle_that(monkeypatch, error):
    import kagglehub

    def download(handle):
        raise error

    monkeypatch.setattr(kagglehub, "model_download", download)


def _http_error(status):
    response = requests.Response()
    response.status_code = status
    return requests.HTTPError("no", response=response)


NAME = "kaggle://keras/gpt2/keras/gpt2_base_en"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (requests.ConnectionError("x"), "no answer from api.kaggle.com, and no copy here"),
        (_http_error(403), r"refused \(403\): set KAGGLE_USERNAME and KAGGLE_KEY, and accept .*/keras/gpt2$"),
        (_http_error(404), r"not found \(404\)"),
        (_http_error(500), "answered with status 500"),
        (ValueError("odd\nsecond line"), "Kaggle: odd; see https://www.kaggle.com/models/keras/gpt2"),
    ],
)
def test_what_goes_wrong_at_kaggle_is_one_line(monkeypatch, error, message):
    _kaggle_that(monkeypatch, error)
    with pytest.raises(PresetError, match=message) as caught:
        location.locate(NAME)
    assert str(caught.value).startswith(f"preset {NAME}: ")
    assert "\n" not in str(caught.value)


def test_a_built_in_name_is_fetched_from_kaggle(monkeypatch):
    asked = []
    import kagglehub

    monkeypatch.setattr(kagglehub, "model_download", lambda handle: asked.append(handle) or "/there")
    assert str(location.locate("gpt2_base_en")) == "/there"
    assert asked[0].startswith("keras/gpt2/keras/gpt2_base_en")


@pytest.mark.parametrize("preset", ["kaggle://a/b", "nosuchfolder", "gs://bucket/preset", "./no/such"])
def test_what_is_no_preset_is_told_what_is_one(preset):
    with pytest.raises(PresetError, match="expected a folder that save_to_preset wrote"):
        location.locate(preset)


def test_hugging_face_needs_its_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(PresetError, match=r"pip install 'lexmill\[hub\]'"):
        location.locate("hf://owner/model")


class _HubError(Exception):
    def __init__(self, status=None):
        super().__init__("no")
        self.response = types.SimpleNamespace(status_code=status)


def _hub_that(monkeypatch, raised, endpoint="http://127.0.0.1:9"):
    """A stand-in for huggingface_hub, which is an extra: the names that it is asked for, and its errors."""
    hub, errors = types.ModuleType("huggingface_hub"), types.ModuleType("huggingface_hub.errors")
    names = ("HFValidationError", "LocalEntryNotFoundError", "HfHubHTTPError")
    for name in names:
        setattr(errors, name, type(name, (_HubError,), {}))
    errors.GatedRepoError = type("GatedRepoError", (errors.HfHubHTTPError,), {})

    def download(handle, allow_patterns, local_files_only):
        assert local_files_only
        name, *arguments = raised
        raise getattr(errors, name)(*arguments)

    hub.errors, hub.snapshot_download = errors, download
    hub.constants = types.SimpleNamespace(ENDPOINT=endpoint)
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    monkeypatch.setitem(sys.modules, "huggingface_hub.errors", errors)


@pytest.mark.parametrize(
    ("raised", "message"),
    [
        (("LocalEntryNotFoundError",), "no answer from huggingface.co, and no copy here"),
        (("HFValidationError",), "not a Hugging Face name"),
        (("GatedRepoError", 401), r"refused \(403\): set HF_TOKEN, and accept .*huggingface.co/owner/model$"),
        (("HfHubHTTPError", 404), r"not found \(404\)"),
    ],
)
def test_what_goes_wrong_at_hugging_face_is_one_line(monkeypatch, raised, message):
    _hub_that(monkeypatch, raised)
    with pytest.raises(PresetError, match=message) as caught:
        location.locate("hf://owner/model")
    assert "\n" not in str(caught.value)


def test_a_hub_that_never_answers_is_given_up(monkeypatch):
    """A server that takes the connection and says nothing."""
    monkeypatch.setattr(location, "_TIMEOUT_S", 0.2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        _hub_that(monkeypatch, ("LocalEntryNotFoundError",), endpoint)
        with pytest.raises(PresetError, match=r"no answer from huggingface.co"):
            location.locate("hf://owner/model")
