import tensorflow as tf
from typer.testing import CliRunner

from pipeline.cli import app
from serving import validation

CONFIG = 'name = "poet"\n[corpus]\npath = "data"\nsources = [{ name = "a", pattern = "*.txt" }]\n'


def pushed(tmp_path, monkeypatch, output):
    module = tf.Module()
    signature = [tf.TensorSpec([None], tf.float32, "x")]
    module.double = tf.function(lambda x: {"y": tf.cast(2.0 * x, output)}, input_signature=signature)
    tf.saved_model.save(
        module, str(tmp_path / "serving_models" / "poet" / "7"), {"serving_default": module.double}
    )
    (tmp_path / "poet.toml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)


def test_a_version_that_the_stock_server_cannot_serve_is_told_why(tmp_path, monkeypatch):
    pushed(tmp_path, monkeypatch, tf.float16)
    result = CliRunner().invoke(app, ["serving-check", "poet.toml"])
    assert result.exit_code == 1
    assert "output y of signature serving_default is float16, which REST cannot write" in result.output
    assert "version 7 of poet: 1 problem:" in result.output


def test_a_version_that_passes_is_told_its_image(tmp_path, monkeypatch):
    pushed(tmp_path, monkeypatch, tf.float32)
    checked = []
    monkeypatch.setattr(
        validation, "validate", lambda version_dir, name: checked.append((version_dir, name)) or []
    )
    result = CliRunner().invoke(app, ["serving-check", "poet.toml", "--set", "serving.image=mine:1"])
    assert result.exit_code == 0, result.output
    assert checked == [(f"{tmp_path}/serving_models/poet/7", "poet")]
    assert f"version 7 of poet, exported by TensorFlow {tf.__version__}: runs on mine:1" in result.output
