import pytest

from components.evaluator import summary


def _summary(**values):
    metrics = {"overall": {"loss": 3.0, "perplexity": 20.09, "bits_per_byte": 2.1234}}
    return summary.EvaluationSummary(**{"blessed": True, "baseline": "first", "metrics": metrics, **values})


def test_a_summary_survives_its_file(tmp_path):
    written = _summary(failures=("a", "b"))
    summary.write(str(tmp_path), written)
    assert summary.read(str(tmp_path)) == written


def test_the_verdict_says_the_value_and_against_what():
    assert _summary().verdict() == "2.123 bits per byte, perplexity 20.1: blessed (first)"


def test_the_verdict_of_a_refused_model_says_every_reason():
    refused = _summary(blessed=False, failures=("too high", "worse"))
    assert refused.verdict().endswith(": NOT blessed: too high; worse")


@pytest.mark.parametrize(("key", "name"), [((), "overall"), ((("source", "plays"),), "source:plays")])
def test_a_slice_has_a_readable_name(key, name):
    assert summary.slice_name(key) == name
