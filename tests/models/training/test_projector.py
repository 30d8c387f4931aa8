import numpy as np
import pytest

from models.training import projector


def test_vectors_and_tokens_are_rows_of_two_tables(tmp_path):
    vectors = np.array([[0.125, -3.0], [1e-7, 2.0], [0.0, 1.0], [5.0, 6.0], [7.0, 8.0]], np.float32)
    projector.write(str(tmp_path), vectors, ["▁the", " a\tb", "\n", "", "\x00<b>"])
    rows = [[float(value) for value in line.split("\t")]
            for line in (tmp_path / projector.VECTORS).read_text().splitlines()]  # fmt: skip
    np.testing.assert_allclose(rows, vectors, rtol=1e-4)
    lines = (tmp_path / projector.METADATA).read_text(encoding="utf-8").splitlines()
    assert lines == ["token\tid", "▁the\t0", "␣a\\tb\t1", "\\n\t2", "(empty)\t3", "\\x00<b>\t4"]


def test_tensorboards_own_reader_takes_the_configuration(tmp_path):
    from google.protobuf import text_format
    from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

    projector.write(str(tmp_path), np.ones([2, 3]), ["a", "b"])
    config = text_format.Parse((tmp_path / projector.CONFIG).read_text(), ProjectorConfig())
    [embedding] = config.embeddings
    assert (tmp_path / embedding.tensor_path).exists()
    assert (tmp_path / embedding.metadata_path).exists()


def test_vectors_without_their_tokens_are_refused(tmp_path):
    with pytest.raises(ValueError, match="2 vectors for 1 tokens"):
        projector.write(str(tmp_path), np.ones([2, 3]), ["a"])
