"""The command, against a server."""

import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.commands import submit as command
from pipeline.errors import ConfigError, MissingInputError
from pipeline.kubeflow.submission import Patience

STAGE = [("CorpusGen", "SUCCEEDED", 1, 8), ("executor", "SUCCEEDED", 1, 8)]
TRAINER = [("Trainer", "SUCCEEDED", 10, 19), ("executor", "SUCCEEDED", 10, 19)]
PUSHER = [("Pusher", "SUCCEEDED", 20, 25), ("executor", "SUCCEEDED", 20, 25)]


@pytest.fixture
def lexmill(kubeflow, monkeypatch, tmp_path):
    """Runs ``lexmill submit`` for this server, with a compiled pipeline at hand and no waiting."""
    waits = []
    monkeypatch.setattr(command, "_compiled", lambda config, target, display: b"pipelineInfo: {name: tiny}\n")
    monkeypatch.setattr(command, "Patience", lambda: Patience(total_s=30.0, sleep=waits.append))
    for name in ("LEXMILL_KFP_TOKEN", "LEXMILL_KFP_TOKEN_FILE", "KF_PIPELINES_SA_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "served"

    def run(*words, environment=None):
        given = ["submit", "tiny", "--host", kubeflow.url, "--set", f"kubeflow.serving_dir={folder}", *words]
        return CliRunner().invoke(app, given, env={"COLUMNS": "400", **(environment or {})})

    run.waits, run.folder = waits, folder
    return run


def pushing(folder):
    """The Pusher's task, at whose end the version is there."""

    def tasks():
        (folder / "tiny" / "1").mkdir(parents=True, exist_ok=True)
        return [*STAGE, *PUSHER]

    return tasks


def test_a_pushed_model_is_status_0_with_a_line_a_stage_and_the_runs_page(lexmill, kubeflow):
    kubeflow.script = [[("CorpusGen", "RUNNING", 1, None)], STAGE, pushing(lexmill.folder)]
    done = lexmill()
    assert done.exit_code == 0, done.output
    link = f"{kubeflow.url}/#/runs/details/run-0"
    shown = [line.split("  ")[0].strip() for line in done.output.splitlines()]
    assert shown[1:] == [f"run: {link}", "✓ CorpusGen", "✓ Pusher", f"pushed: {link}"]
    assert done.output.startswith("✓ upload             version sha256-")
    assert kubeflow.runs[0].display_name.startswith("tiny 2")


def test_a_model_that_was_not_pushed_is_status_3(lexmill, kubeflow):
    (lexmill.folder / "tiny" / "1").mkdir(parents=True)
    kubeflow.script = [[*TRAINER, *PUSHER]]
    done = lexmill()
    assert done.exit_code == 3
    assert "not pushed: the model was not blessed" in done.output


def test_a_model_that_was_trained_by_an_earlier_run_may_have_been_pushed_by_it(lexmill, kubeflow):
    (lexmill.folder / "tiny" / "1").mkdir(parents=True)
    kubeflow.script = [[("Trainer", "SUCCEEDED", 10, 10), ("executor", "SKIPPED", 10, 10), *PUSHER]]
    done = lexmill()
    assert done.exit_code == 0
    assert "· Trainer            cached" in done.output
    assert "cannot be told from here" in done.output


def test_where_the_pushed_versions_cannot_be_read_the_command_says_so(lexmill, kubeflow, monkeypatch):
    from pipeline.kubeflow import pushed_versions

    monkeypatch.setattr(pushed_versions, "versions", lambda base_path: None)
    kubeflow.script = [[*STAGE, *PUSHER]]
    done = lexmill()
    assert done.exit_code == 0
    assert "whether the model was blessed and pushed cannot be told from here" in done.output


def test_a_failed_run_is_status_1_with_its_message(lexmill, kubeflow):
    kubeflow.script = [[("Trainer", "FAILED", 1, 8, "no space left on device")]]
    kubeflow.ends_as, kubeflow.error = "FAILED", "1 of 12 stages failed"
    done = lexmill()
    assert done.exit_code == 1
    assert "✗ Trainer            no space left on device" in done.output
    assert f"failed: 1 of 12 stages failed: {kubeflow.url}/#/runs/details/run-0" in done.output


def test_a_run_that_is_not_followed_tells_how_to(lexmill, kubeflow):
    done = lexmill("--no-follow")
    assert done.exit_code == 0
    assert done.output.rstrip().endswith(f"--host {kubeflow.url} --follow-run run-0")
    assert kubeflow.count("GET", "/runs/run-0") == 0


def test_a_run_is_followed_again_by_its_id_and_none_is_started(lexmill, kubeflow):
    lexmill("--no-follow")
    kubeflow.script = [STAGE]
    done = lexmill("--follow-run", "run-0")
    assert done.exit_code == 0
    assert "✓ CorpusGen" in done.output
    assert len(kubeflow.runs) == 1


def test_a_run_is_cancelled_by_its_id(lexmill, kubeflow):
    lexmill("--no-follow")
    assert lexmill("--cancel-run", "run-0").exit_code == 0
    done = lexmill("--follow-run", "run-0")
    assert (done.exit_code, "canceled: " in done.output) == (1, True)


def test_a_connection_that_stays_lost_leaves_the_run_and_says_how_to_go_on(lexmill, kubeflow):
    kubeflow.fail("GET", "/runs/", *["dropped"] * 9)
    done = lexmill()
    assert done.exit_code != 0
    assert "; trying again in 8 s" in done.output
    assert "the run goes on; to follow it again: lexmill submit tiny" in done.output
    assert "--follow-run run-0" in done.output
    assert kubeflow.runs[0].state in ("PENDING", "RUNNING")


def test_of_a_run_that_the_server_does_not_have_nothing_is_said_to_go_on(lexmill):
    done = lexmill("--follow-run", "run-7")
    assert done.exit_code != 0
    assert "status 404" in str(done.exception)
    assert "goes on" not in done.output


def test_an_interrupt_leaves_the_run_and_says_so(lexmill, kubeflow, monkeypatch):
    def interrupted(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "Patience", lambda: Patience(sleep=interrupted))
    kubeflow.script = [STAGE, STAGE, STAGE]
    done = lexmill()
    assert done.exit_code == 130
    assert f"no longer followed; the run goes on: {kubeflow.url}/#/runs/details/run-0" in done.output
    assert "--cancel-run run-0" in done.output
    assert kubeflow.count("POST", "/runs/run-0:terminate") == 0


@pytest.mark.parametrize("place", ["variable", "file"])
def test_the_token_comes_from_the_environment(lexmill, kubeflow, tmp_path, place):
    kubeflow.token = "a-secret-token"
    (tmp_path / "token").write_text("a-secret-token\n")
    environment = {
        "variable": {"LEXMILL_KFP_TOKEN": "a-secret-token"},
        "file": {"LEXMILL_KFP_TOKEN_FILE": str(tmp_path / "token")},
    }[place]
    done = lexmill("--no-follow", environment=environment)
    assert done.exit_code == 0, done.output
    assert "a-secret-token" not in done.output


@pytest.mark.parametrize("content", ["", "  \n", "two words", "naïve"])
def test_what_is_no_token_is_told_without_showing_it(tmp_path, content):
    path = tmp_path / "token"
    path.write_text(content)
    with pytest.raises(MissingInputError, match="holds no token: one word is expected") as refused:
        command.token_source({"LEXMILL_KFP_TOKEN_FILE": str(path)})()
    assert not content.strip() or content.strip() not in str(refused.value).replace(str(path), "")


def test_a_token_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(MissingInputError, match="nowhere: the token cannot be read: No such file"):
        command.token_source({"LEXMILL_KFP_TOKEN_FILE": str(tmp_path / "nowhere")})()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "no Kubeflow Pipelines server is named: give --host"),
        (["--host", "kubeflow.example.com"], "expected an address such as https://"),
        (["--host", "https://me:secret@kubeflow.example.com"], "an address without name and password"),
        (["--set", "kubeflow.submit.host=ftp://a"], "expected an address such as https://"),
        (["--set", "kubeflow.submit.namespace=Mine"], "kubeflow.submit.namespace"),
        (["--target", "vertex"], "no Google Cloud project is named: give --project"),
        (["--set", "vertex.submit.region=mars"], "vertex.submit.region"),
    ],
)
def test_what_is_missing_or_wrong_is_one_line(words, message, monkeypatch):
    monkeypatch.delenv("KF_PIPELINES_ENDPOINT", raising=False)
    done = CliRunner().invoke(app, ["submit", "tiny", *words])
    assert done.exit_code != 0
    assert message in str(done.exception)
    assert "secret" not in str(done.exception).replace("https://me:secret@", "")


def test_the_compiled_pipeline_is_what_is_uploaded(kubeflow, monkeypatch):
    monkeypatch.setenv("LEXMILL_KFP_TOKEN", "a-secret-token")
    bucket = "gs://lexmill/corpus"
    words = [*("--set", f"kubeflow.corpus_path={bucket}"), *("--host", kubeflow.url), "--no-follow"]
    done = CliRunner().invoke(app, ["submit", "tiny", *words], env={"COLUMNS": "400"})
    assert done.exit_code == 0, done.output
    assert f"run: {kubeflow.url}/#/runs/details/run-0" in done.output
    text = kubeflow.versions[0].pipeline_spec["text"]
    assert "schemaVersion: 2.1.0" in text
    assert bucket in text
    assert "a-secret-token" not in text + done.output


def test_runs_on_a_schedule_are_asked_for_shown_and_ended(lexmill, kubeflow):
    done = lexmill("--every", "6h")
    assert done.exit_code == 0, done.output
    assert f"tiny every 6h: {kubeflow.url}/#/recurringrun/details/recurring-1" in done.output
    assert done.output.rstrip().endswith("--end-schedule")
    assert kubeflow.runs == []
    again = lexmill("--cron", "0 15 * * * *")
    assert "tiny at 0 15 * * * *, in place of 1 before: " in again.output
    ended = lexmill("--end-schedule")
    assert ended.output == "tiny: 1 recurring run ended\n"
    assert kubeflow.recurring_runs == []


def test_vertex_starts_no_runs_on_a_schedule(lexmill, monkeypatch):
    monkeypatch.setattr(command, "_server", lambda *_: object())
    done = lexmill("--target", "vertex", "--project", "mine", "--every", "6h")
    assert isinstance(done.exception, ConfigError)
    assert "--target vertex: recurring runs are started on Kubeflow Pipelines only" in str(done.exception)


@pytest.fixture
def data(monkeypatch):
    """The state of the corpus' files, as the command sees it."""
    found = ["data 1"]
    monkeypatch.setattr(command, "_data_state", lambda config, target, display: found[0])
    return found


def test_no_second_run_is_started_on_the_same_data(lexmill, kubeflow, data):
    assert lexmill("--if-new-data", "--no-follow").exit_code == 0
    again = lexmill("--if-new-data")
    assert again.exit_code == 0
    [run] = kubeflow.runs
    assert run.description == "data 1"
    link = f"{kubeflow.url}/#/runs/details/run-0"
    assert (
        again.output == f"tiny: no new data since run {run.display_name} (pending): nothing to do: {link}\n"
    )


def test_new_data_starts_a_run(lexmill, kubeflow, data):
    for state in ("data 1", "data 2", "data 1"):
        data[0] = state
        assert lexmill("--if-new-data", "--no-follow").exit_code == 0
    assert [run.description for run in kubeflow.runs] == ["data 1", "data 2", "data 1"]


@pytest.mark.parametrize("state", ["FAILED", "CANCELED"])
def test_data_of_a_run_that_failed_or_was_canceled_is_tried_again(lexmill, kubeflow, data, state):
    lexmill("--if-new-data", "--no-follow")
    kubeflow.runs[0].state = state
    lexmill("--if-new-data", "--no-follow")
    assert len(kubeflow.runs) == 2


def test_runs_of_other_pipelines_and_those_started_for_no_data_say_nothing_of_it(lexmill, kubeflow, data):
    lexmill("--no-follow")
    lexmill("--if-new-data", "--no-follow", "--set", "name=very-tiny")
    lexmill("--if-new-data", "--no-follow")
    assert [run.description for run in kubeflow.runs] == [None, "data 1", "data 1"]


def test_a_schedule_of_the_server_cannot_look_at_the_data_first(lexmill, kubeflow, data):
    done = lexmill("--if-new-data", "--every", "6h")
    assert isinstance(done.exception, ConfigError)
    assert "--if-new-data: Kubeflow's server looks at no file before it starts a run" in str(done.exception)
    assert kubeflow.recurring_runs == []


def test_on_vertex_the_cache_is_what_ends_a_run_without_new_data(lexmill, monkeypatch):
    monkeypatch.setattr(command, "_server", lambda *_: object())
    done = lexmill("--target", "vertex", "--project", "mine", "--if-new-data")
    assert isinstance(done.exception, ConfigError)
    assert "set vertex.stages.CorpusGen.caching = true" in str(done.exception)
