"""What is said where TensorFlow has no file system for a path."""

import importlib.util

import pytest

from serving import object_storage
from serving.errors import StartError


@pytest.fixture
def no_tensorflow_io(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "tensorflow_io" else find(name)
    )


@pytest.mark.usefixtures("no_tensorflow_io")
def test_an_s3_path_without_its_package_is_one_line_that_says_what_to_do():
    with pytest.raises(
        StartError,
        match=r"^s3://b/models: .* not installed: add the extra s3 .* gs://, or copy the folder here$",
    ):
        object_storage.open_for("/models", "s3://b/models")


@pytest.mark.usefixtures("no_tensorflow_io")
def test_other_paths_need_nothing():
    object_storage.open_for("/models", "gs://bucket/models", "relative/s3://x")
