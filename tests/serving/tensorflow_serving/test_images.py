import importlib.metadata

import pytest
import tensorflow as tf

from serving.errors import StartError
from serving.tensorflow_serving import images


@pytest.mark.parametrize(
    ("exporter", "image"),
    [
        ("2.16.2", "tensorflow/serving:2.19.1"),
        ("2.19.0", "tensorflow/serving:2.19.1"),
        ("2.20.0", "tensorflow/serving:2.20.0"),
        ("2.21.0-rc1", "tensorflow/serving:2.21.0"),
    ],
)
def test_the_image_is_the_oldest_that_is_not_older_than_the_exporter(exporter, image):
    assert images.stock_image(exporter) == image
    assert images.suitable_image(None, exporter) == image


def test_an_exporter_newer_than_every_image_is_told_what_to_do():
    message = (
        r"exported by TensorFlow 2\.22\.0, and the newest stock image known here is .*:2\.21\.0.*: name one"
    )
    with pytest.raises(StartError, match=message):
        images.stock_image("2.22.0")


def test_a_stock_image_older_than_the_exporter_is_refused_and_another_image_is_not_judged():
    with pytest.raises(StartError, match=r"serving:2\.19\.1 is older than the TensorFlow 2\.21\.0"):
        images.suitable_image("tensorflow/serving:2.19.1", "2.21.0")
    for image in ("tensorflow/serving:2.21.0-gpu", "tensorflow/serving:latest", "mine/serving:1.0"):
        assert images.suitable_image(image, "2.21.0") == image


def test_the_exporter_is_read_from_the_newest_version(language_model_dir, tmp_path):
    assert images.newest_version(str(language_model_dir)) == 1
    assert images.exporter_version(str(language_model_dir)) == tf.__version__
    graph = (language_model_dir / "1" / "saved_model.pb").read_bytes()
    other = graph.replace(tf.__version__.encode(), b"2.99.7"[: len(tf.__version__)])
    for version, content in (("2", graph), ("10", other)):
        (tmp_path / version).mkdir()
        (tmp_path / version / "saved_model.pb").write_bytes(content)
    assert images.exporter_version(str(tmp_path)) == "2.99.7"[: len(tf.__version__)]


@pytest.mark.parametrize("content", [None, b"", b"\x0a\xff\xff"])
def test_where_no_version_tells_it_the_installed_tensorflow_is_the_exporter(tmp_path, content):
    if content is not None:
        (tmp_path / "1").mkdir()
        (tmp_path / "1" / "saved_model.pb").write_bytes(content)
    installed = importlib.metadata.version("tensorflow")
    assert images.exporter_version(str(tmp_path)) == installed
    assert images.exporter_version("gs://bucket/models") == installed
