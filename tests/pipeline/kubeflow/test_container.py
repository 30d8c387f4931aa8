"""What happens around a stage's executor, on plain folders."""

from pipeline.kubeflow import container


def _invocation(**uris):
    artifacts = {name: {"artifacts": [{"uri": str(uri), "type": {"instanceSchema": "title: tfx.Model"}}]}
                 for name, uri in uris.items()}  # fmt: skip
    return {"inputs": {"parameterValues": {"a": 1}}, "outputs": {"artifacts": artifacts, "outputFile": "o"}}


def test_the_launchers_own_outputs_are_left_out_and_nothing_else():
    invocation = _invocation(model="gs://b/m")
    with_log = _invocation(model="gs://b/m")
    log = {"uri": "gs://b/log", "type": {"schemaTitle": "system.Artifact"}}
    with_log["outputs"]["artifacts"]["executor-logs"] = {"artifacts": [log]}
    assert container.without_launchers_outputs(with_log) == invocation
    assert container.without_launchers_outputs(invocation) == invocation


def test_what_an_earlier_attempt_left_is_removed(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "part").write_text("half")
    (tmp_path / "other").write_text("stays")
    container.remove_outputs(_invocation(model=tmp_path / "model", log=tmp_path / "absent"))
    assert [path.name for path in tmp_path.iterdir()] == ["other"]
