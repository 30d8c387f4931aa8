"""The runner fails where a cluster would: on specifications of two small shell stages."""

import json

import pytest
import yaml

WRITE_OUTPUTS = """
import json, os, pathlib, sys
given = json.loads(sys.argv[1])
file = pathlib.Path(given["outputs"]["outputFile"])
told = {name: {"artifacts": [{"uri": each["artifacts"][0]["uri"], "metadata": {"seen": 1}}]}
        for name, each in given["outputs"]["artifacts"].items()}
file.parent.mkdir(parents=True, exist_ok=True)
file.write_text(json.dumps({"artifacts": told}))
"""
"""What TFX's executor does at its end."""


def _component(name, inputs=()):
    kind = {"artifactType": {"schemaTitle": "tfx.Model"}}
    return {
        "executorLabel": f"{name}_executor",
        "inputDefinitions": {
            "artifacts": dict.fromkeys(inputs, kind),
            "parameters": {"text": {"parameterType": "STRING"}},
        },
        "outputDefinitions": {"artifacts": {"model": kind}},
    }


def _specification(first, second, **changes):
    """Two stages that run Python code, the second on the first one's output."""
    constant = {"text": {"runtimeValue": {"constant": "hello"}}}
    given = {"model": {"taskOutputArtifact": {"producerTask": "First", "outputArtifactKey": "model"}}}
    tasks = {
        "First": {"componentRef": {"name": "First"}, "inputs": {"parameters": constant}, **changes},
        "Second": {
            "componentRef": {"name": "Second"},
            "inputs": {"parameters": constant, "artifacts": given},
            "dependentTasks": ["First"],
        },
    }
    executors = {
        f"{name}_executor": {
            "container": {
                "image": "any",
                "command": ["python", "-c", code + WRITE_OUTPUTS],
                "args": ["{{$}}"],
            }
        }
        for name, code in (("First", first), ("Second", second))
    }
    return {
        "pipelineInfo": {"name": "two"},
        "schemaVersion": "2.1.0",
        "defaultPipelineRoot": "gs://bucket/root",
        "components": {"First": _component("First"), "Second": _component("Second", ["model"])},
        "deploymentSpec": {"executors": executors},
        "root": {"dag": {"tasks": tasks}},
    }


@pytest.fixture
def run(runner, object_store, tmp_path):
    def run(specification, **image):
        text = specification if isinstance(specification, str) else yaml.safe_dump(specification)
        store = object_store.ObjectStore()
        made = runner.Run(text, store, runner.Image(**image), tmp_path / "scratch")
        made.run()
        return made

    return run


def test_a_stage_gets_what_the_driver_resolves_and_its_outputs_go_on(run):
    code = "import sys; print(sys.argv[1])\n"
    ran = run(_specification(code, code))
    given = json.loads(ran.logs["Second"])
    [model] = given["inputs"]["artifacts"]["model"]["artifacts"]
    assert model["uri"] == ran.output_uri("First", "model")
    assert model["uri"].startswith("gs://bucket/root/two/run-1/First/")
    assert model["metadata"] == {"seen": 1}
    assert model["name"].isdecimal()
    assert given["inputs"]["parameterValues"] == {"text": "hello"}
    assert set(given["outputs"]["artifacts"]) == {"model", "executor-logs"}


@pytest.mark.parametrize(
    ("code", "leaves"),
    [
        ("import os; os.environ['LEXMILL_TEST_RELIANCE']", "an environment variable"),
        ("open('note.txt')", "a file in the working directory"),
        ("open(os.path.expanduser('~/note.txt'))", "a file in the home"),
        ("import tempfile; open(tempfile.gettempdir() + '/note.txt')", "a temporary file"),
    ],
)
def test_what_the_stage_before_left_in_its_container_is_not_there(run, runner, monkeypatch, code, leaves):
    monkeypatch.setenv("LEXMILL_TEST_RELIANCE", "1")
    leave = "import os, tempfile\n" + "".join(
        f"open({path}, 'w').close()\n"
        for path in ("'note.txt'", "os.path.expanduser('~/note.txt')", "tempfile.gettempdir() + '/note.txt'")
    )
    with pytest.raises(runner.TaskFailed, match="Second: status 1"):
        run(_specification(leave, f"import os\n{code}\n"))


def test_a_metadata_store_of_this_machine_is_not_there(run, runner, tmp_path):
    if not runner.ISOLATED:
        pytest.skip("this system lets no process have its own mounts")
    store = tmp_path / "metadata.sqlite"
    store.write_bytes(b"")
    assert store.is_relative_to("/tmp")
    code = f"import sqlite3; sqlite3.connect('file:{store}?mode=rw', uri=True)\n"
    with pytest.raises(runner.TaskFailed, match="unable to open database file"):
        run(_specification(code, ""))


@pytest.mark.parametrize("path", ["tests/conftest.py", "README.md", "uv.lock", ".git"])
def test_what_the_checkout_has_beside_the_packages_is_not_there(run, runner, path):
    if not runner.ISOLATED:
        pytest.skip("this system lets no process have its own mounts")
    beside = "import pathlib, pipeline; root = pathlib.Path(pipeline.__file__).parents[1]\n"
    found = (
        f"path = root / {path!r}\n"
        "content = list(path.iterdir()) if path.is_dir() else path.exists() and path.read_bytes()\n"
        "raise SystemExit(5 if content else 6)\n"
    )
    with pytest.raises(runner.TaskFailed, match="First: status 6"):
        run(_specification(beside + found, ""))


def test_the_images_and_the_specifications_environment_is_there(run):
    specification = _specification("import os; print(sorted(os.environ))\n", "")
    container = specification["deploymentSpec"]["executors"]["First_executor"]["container"]
    container["env"] = [{"name": "OF_STAGE", "value": "1"}]
    ran = run(specification, environment={"OF_IMAGE": "{files}/x"}, files={"x": b""})
    there = set(eval(ran.logs["First"])) - {"LC_CTYPE", "PWD", "OLDPWD", "SHLVL", "_"}
    assert there == {"PATH", "HOME", "TMPDIR", "OF_IMAGE", "OF_STAGE"}


def test_a_failing_stage_is_tried_again_as_often_as_its_policy_says(run, runner, tmp_path):
    seen = "import pathlib; raise SystemExit(7)\n"
    with pytest.raises(runner.TaskFailed, match="First: status 7"):
        run(_specification(seen, "", retryPolicy={"maxRetryCount": 2}))
    assert sorted(path.name for path in (tmp_path / "scratch").iterdir()) == ["First-0", "First-1", "First-2"]


def test_an_input_of_a_stage_that_is_not_waited_for_is_an_error(run, runner):
    specification = _specification("import time; time.sleep(0.2)\n", "")
    del specification["root"]["dag"]["tasks"]["Second"]["dependentTasks"]
    with pytest.raises(runner.TaskFailed, match="input model: First has not run"):
        run(specification)


def test_a_parameter_of_the_wrong_type_is_an_error(run, runner):
    specification = _specification("", "")
    specification["components"]["First"]["inputDefinitions"]["parameters"]["text"] = {
        "parameterType": "NUMBER_INTEGER"
    }
    with pytest.raises(runner.TaskFailed, match="parameter text is no NUMBER_INTEGER"):
        run(specification)


def test_an_empty_object_in_place_of_a_folder_is_an_error(runner, object_store, tmp_path):
    store = object_store.ObjectStore()
    specification = _specification("", "")
    made = runner.Run(yaml.safe_dump(specification), store, runner.Image(), tmp_path)
    resolve = made._read_back

    def read_back(task, invocation, folder):
        resolve(task, invocation, folder)
        if task.name == "First":
            prefix = made.output_uri("First", "model").removeprefix("gs://bucket/")
            store.put("bucket", f"{prefix}/", b"")
            store.put("bucket", f"{prefix}/saved_model.pb", b"")

    made._read_back = read_back
    with pytest.raises(runner.TaskFailed, match="cannot be a file"):
        made.run()


def test_a_field_that_the_schema_does_not_have_is_an_error(run):
    specification = _specification("", "")
    specification["root"]["dag"]["tasks"]["First"]["nodeSelector"] = {"a": "b"}
    with pytest.raises(Exception, match="nodeSelector"):
        run(specification)
