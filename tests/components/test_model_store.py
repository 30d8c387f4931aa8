import pathlib
import uuid

import pytest

from components import model_store
from models import manifest
from models.config import ModelConfig, TrainingConfig
from models.errors import ModelError


def _manifest(weights="w"):
    return manifest.Manifest(
        model=ModelConfig(), training=TrainingConfig(), num_parameters=1, vocabulary_size=10,
        context_length=8, tokenizer_sha256="t", weights_sha256=weights, validation_bits_per_byte=2.0,
        training_tokens=1, training_seconds=1.0,
    )  # fmt: skip


@pytest.fixture
def saved_model(tmp_path):
    folder = tmp_path / "saved"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"graph")
    (folder / "variables" / "variables.index").write_bytes(b"index")
    return str(folder)


def test_versions_count_up_and_are_listed_newest_first(saved_model, tmp_path):
    base = str(tmp_path / "served")
    assert model_store.versions(base) == []
    pushed = [model_store.push(saved_model, base, _manifest(str(n))) for n in range(11)]
    assert pushed == list(range(1, 12))
    assert model_store.versions(base) == list(range(11, 0, -1))
    assert [m.weights_sha256 for _, m in model_store.manifests(base)][:2] == ["10", "9"]


def test_a_version_has_the_models_files_and_its_manifest_and_nothing_is_left_beside_it(saved_model, tmp_path):
    base = tmp_path / "served"
    model_store.push(saved_model, str(base), _manifest())
    files = sorted(str(path.relative_to(base)) for path in base.rglob("*") if path.is_file())
    assert files == [
        "1/assets.extra/lexmill.json",
        "1/assets.extra/mlmd_uuid",
        "1/saved_model.pb",
        "1/variables/variables.index",
    ]


def test_every_push_has_a_uuid_of_its_own_without_a_line_end(saved_model, tmp_path):
    """TensorFlow Serving shows the file's content as it is."""
    base = str(tmp_path / "served")
    found = [model_store.path(base, model_store.push(saved_model, base, _manifest(str(n)))) for n in range(2)]
    one, other = (pathlib.Path(folder, "assets.extra/mlmd_uuid").read_text() for folder in found)
    assert one != other
    assert str(uuid.UUID(one)) == one == model_store.mlmd_uuid(found[0])
    assert model_store.mlmd_uuid(saved_model) is None


def test_a_push_that_fails_leaves_no_version_and_no_rubbish(saved_model, tmp_path, monkeypatch):
    base = tmp_path / "served"

    def full_disk(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(manifest, "write", full_disk)
    with pytest.raises(OSError, match="No space left"):
        model_store.push(saved_model, str(base), _manifest())
    assert list(base.iterdir()) == []


def test_a_version_is_never_visible_before_it_is_whole(saved_model, tmp_path, monkeypatch):
    base = tmp_path / "served"
    seen = []
    monkeypatch.setattr(manifest, "write", lambda *_: seen.append(model_store.versions(str(base))))
    model_store.push(saved_model, str(base), _manifest())
    assert seen == [[]]


def test_when_another_push_takes_the_number_first_the_next_is_taken(saved_model, tmp_path, monkeypatch):
    base = tmp_path / "served"
    write = manifest.write

    def overtaken(*arguments):
        write(*arguments)
        monkeypatch.setattr(manifest, "write", write)
        model_store.push(saved_model, str(base), _manifest("other"))

    monkeypatch.setattr(manifest, "write", overtaken)
    assert model_store.push(saved_model, str(base), _manifest("mine")) == 2
    assert [m.weights_sha256 for _, m in model_store.manifests(str(base))] == ["mine", "other"]


def test_folders_without_a_model_of_ours_are_passed_over(saved_model, tmp_path):
    base = tmp_path / "served"
    model_store.push(saved_model, str(base), _manifest())
    (base / "7").mkdir()
    (base / "notes").mkdir()
    assert model_store.versions(str(base)) == [7, 1]
    assert [version for version, _ in model_store.manifests(str(base))] == [1]


def test_a_damaged_manifest_is_named(saved_model):
    path = pathlib.Path(saved_model, manifest.PATH)
    path.parent.mkdir()
    path.write_text('{"model":')
    with pytest.raises(ModelError, match=r"lexmill.json: not a model manifest"):
        manifest.read(saved_model)


def test_the_weights_hash_changes_with_the_weights_alone(saved_model):
    before = manifest.weights_sha256(saved_model)
    pathlib.Path(saved_model, "saved_model.pb").write_bytes(b"other graph")
    assert manifest.weights_sha256(saved_model) == before
    pathlib.Path(saved_model, "variables", "variables.index").write_bytes(b"other")
    assert manifest.weights_sha256(saved_model) != before
