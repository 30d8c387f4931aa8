import shutil

from serving import contract, validation
from serving.validation import signature_problems, validate
from serving.warmup import WARMUP_FILE


def test_a_model_that_keeps_the_contract_passes(language_model_dir):
    assert validate(str(language_model_dir / "1"), "toy") == []


def test_a_model_of_another_contract_fails_with_sentences(numeric_dir, monkeypatch):
    # Its 16-bit output would already end the check before a server is started.
    monkeypatch.setattr(validation, "missing_ops", lambda version_dir: [])
    monkeypatch.setattr(validation, "warmup_problems", lambda version_dir: [])
    problems = validate(str(numeric_dir / "3"), "numeric")
    assert "the model has no signature generate, only add, echo, matrix, serving_default" in problems
    assert 'greedy generation failed: Serving signature key "generate" not found.' in problems
    assert 'scoring failed: Serving signature key "score" not found.' in problems


def test_a_model_the_stock_image_cannot_run_is_not_even_started(numeric_dir, monkeypatch):
    monkeypatch.setattr(validation, "embedded_process", None)
    (problem,) = validate(str(numeric_dir / "3"), "numeric")
    assert problem.startswith("output half of signature matrix is float16")


def test_a_model_that_cannot_load_fails_with_the_servers_words(tmp_path, save_factor, monkeypatch):
    monkeypatch.setattr(validation, "missing_ops", lambda version_dir: [])
    monkeypatch.setattr(validation, "warmup_problems", lambda version_dir: [])
    save_factor(tmp_path / "1", 1.0)
    (tmp_path / "1" / "variables" / "variables.index").unlink()
    (problem,) = validate(str(tmp_path / "1"), "m")
    assert problem.startswith("the model cannot be served: the embedded server ended with status 1: error: ")
    assert "cannot load the SavedModel" in problem


def test_a_model_without_warm_up_records_is_not_even_started(tmp_path, language_model_dir, monkeypatch):
    monkeypatch.setattr(validation, "embedded_process", None)
    version = tmp_path / "1"
    shutil.copytree(language_model_dir / "1", version)
    (version / WARMUP_FILE).unlink()
    assert [problem.split(" in ")[0] for problem in validate(str(version), "toy")] == [
        f"signature {name} has no warm-up record" for name in ("serving_default", "generate", "score")
    ]
    (version / WARMUP_FILE).write_bytes(b"this is no TFRecord")
    (problem,) = validate(str(version), "toy")
    assert "is damaged after 0 warm-up records" in problem


def _signatures():
    dtypes = {"string": "DT_STRING", "int32": "DT_INT32", "float32": "DT_FLOAT"}
    return {
        name: {
            "inputs": {field.name: {"dtype": dtypes[field.dtype]} for field in signature.inputs},
            "outputs": {field.name: {"dtype": dtypes[field.dtype]} for field in signature.outputs},
            "defaults": {field.name: {} for field in signature.inputs if field.default is not None},
        }
        for name, signature in contract.SIGNATURES.items()
    }


def test_signatures_of_the_contract_have_no_problem():
    assert signature_problems(_signatures()) == []


def test_a_missing_default_is_a_problem():
    signatures = _signatures()
    del signatures["generate"]["defaults"]["top_k"]
    assert signature_problems(signatures) == ["signature generate has no default for top_k"]


def test_another_dtype_is_a_problem():
    signatures = _signatures()
    signatures["score"]["inputs"]["texts"]["dtype"] = "DT_INT64"
    assert signature_problems(signatures) == [
        "the inputs of signature score are {'texts': 'DT_INT64'}; expected {'texts': 'DT_STRING'}"
    ]
