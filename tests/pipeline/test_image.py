"""The image's recipe. `tests/benchmarks/image_without_docker.py` runs it where there is no Docker."""

import hashlib
import io
import json
import re
import shlex
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.errors import ConfigError, MissingInputError
from pipeline.kubeflow import image, recipe
from pipeline.stack import toml_loads

ROOT = Path(__file__).resolve().parents[2]
TEXT = recipe.FILE.read_text(encoding="utf-8")
PLAN = recipe.read(TEXT)
PROJECT = toml_loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCK = toml_loads((ROOT / "uv.lock").read_text(encoding="utf-8"))


def steps(keyword, stage=None):
    chosen = PLAN.stages if stage is None else [PLAN.stages[stage]]
    return [one for each in chosen for one in each.instructions if one.keyword == keyword]


def test_everything_that_is_copied_is_there():
    assert [source for source in PLAN.context_sources() if not (ROOT / source).exists()] == []


def test_every_package_of_the_project_is_copied():
    assert set(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) <= set(
        PLAN.context_sources()
    )


def test_the_base_is_the_python_and_the_c_library_of_the_base_stack():
    assert PLAN.arguments["BASE"] == image.base_image((ROOT / ".python-version").read_text().strip())
    assert {stage.base for stage in PLAN.stages} == {"${BASE}"}
    assert image.base_image("3.13") == "python:3.13-slim-trixie"


def test_uv_is_the_one_of_the_developers_and_checked_by_its_hash():
    developers = re.search(r"^uv_version=(\S+)$", (ROOT / ".ci" / "environment").read_text(), re.MULTILINE)[1]
    [(version, digest)] = re.findall(r"uv==(\S+) --hash=sha256:([0-9a-f]{64})", TEXT)
    assert version == developers
    assert digest != hashlib.sha256().hexdigest()
    assert "--require-hashes" in TEXT


def test_packages_come_from_the_lock_alone_and_without_the_developers():
    syncs = [step.text for step in steps("RUN") if "uv sync" in step.text]
    assert len(syncs) == 2
    for text in syncs:
        assert {"--frozen", "--no-default-groups"} <= set(text.split())
        extras = re.findall(r"--extra (\w+)", text)
        assert set(extras) == set(PROJECT["project"]["optional-dependencies"]) - {"gpu"}
    locked = {package["name"] for package in LOCK["package"]}
    without = re.findall(r"--no-install-package (\S+?)(?=[\s\"]|$)", TEXT)
    assert without
    assert set(without) <= locked
    hashes = {
        file["hash"].partition(":")[0] for package in LOCK["package"] for file in package.get("wheels", [])
    }
    assert hashes == {"sha256"}


def test_it_runs_as_somebody_who_may_not_change_it():
    user = [step.text for step in steps("USER", -1)]
    assert user == ["10001:0"]
    assert steps("USER", 0) == []
    copies = [step.copied() for step in steps("COPY", -1)]
    assert copies == [("build", ["/opt/lexmill"], "/opt/lexmill")]


def test_nothing_in_it_is_secret():
    assert not re.search(r"(?i)token|password|secret|credential", TEXT)
    settings = [name for step in [*steps("ENV"), *steps("ARG")] for name in step.settings()]
    assert not [name for name in settings if re.search(r"(?i)key|auth", name)]


def test_hadolint_finds_nothing():
    linter = str(Path(sys.executable).with_name("hadolint"))
    done = subprocess.run([linter, "-"], input=TEXT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def context(folder):
    archive = io.BytesIO()
    image.write_context(folder, archive)
    return archive.getvalue()


@pytest.fixture
def clone(tmp_path):
    """A folder with what the recipe copies, and beside it what must stay where it is."""
    for name in [*PLAN.context_sources(), "data", "serving_models", ".git"]:
        is_file = "." in name[1:] or name == "LICENSE"
        path = tmp_path / name if is_file else tmp_path / name / "a.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / image.DOCKERFILE).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / image.DOCKERFILE).write_text(TEXT)
    for name in ("pipeline/__pycache__/a.pyc", "pipeline/.env", "models/b.pyc", "secrets.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    return tmp_path


def test_the_context_is_the_sources_and_nothing_that_lies_beside_them(clone):
    with tarfile.open(fileobj=io.BytesIO(context(clone))) as archive:
        names = archive.getnames()
        owners = {(entry.uid, entry.gid, entry.mtime, entry.mode) for entry in archive}
    folders = {"components", "models", "pipeline", "serving"}
    expected = {f"{name}/a.py" if name in folders else name for name in PLAN.context_sources()}
    assert names == sorted(expected | {image.DOCKERFILE})
    assert len(owners) == 1


def test_the_same_sources_are_the_same_context(clone):
    before = context(clone)
    (clone / "models" / "a.py").touch()
    assert context(clone) == before
    (clone / "models" / "a.py").write_text("other")
    assert context(clone) != before


def test_a_build_from_the_folder_itself_leaves_out_the_same():
    lines = recipe.FILE.with_name("Dockerfile.dockerignore").read_text().splitlines()
    assert lines[1] == "*"
    assert {line[1:] for line in lines if line.startswith("!")} == set(PLAN.context_sources())


def test_a_dry_run_says_what_would_be_done():
    done = CliRunner().invoke(app, ["image", "build", "--gpu", "--tag", "registry/lexmill:1", "--dry-run"])
    assert done.exit_code == 0
    assert shlex.split(done.output.splitlines()[-1]) == [
        *("docker", "build", "--file", "pipeline/kubeflow/Dockerfile", "--tag", "registry/lexmill:1"),
        *("--build-arg", f"BASE={PLAN.arguments['BASE']}", "--build-arg", "EXTRAS=--extra gpu", "-"),
    ]


def test_the_graphics_cards_extra_is_one_of_the_project():
    assert "gpu" in PROJECT["project"]["optional-dependencies"]
    assert image.Build("a", "b", gpu=False).arguments() == {"BASE": "b"}


def docker(folder, script):
    """Puts a program called docker on the path."""
    path = folder / "docker"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(folder)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (None, "no Docker is here, and the image is built by it"),
        (
            "echo 'Cannot connect to the Docker daemon' >&2; exit 1",
            r"no Docker engine answers: .*Cannot connect",
        ),
    ],
)
def test_without_an_engine_it_is_one_line(tmp_path, monkeypatch, script, message):
    monkeypatch.setenv("PATH", docker(tmp_path, script) if script else str(tmp_path))
    done = CliRunner().invoke(app, ["image", "build"])
    assert isinstance(done.exception, MissingInputError)
    assert re.search(message, str(done.exception))
    assert "\n" not in str(done.exception)


@pytest.mark.parametrize("status", [0, 7])
def test_an_engine_is_sent_the_context_and_its_status_is_the_commands(tmp_path, monkeypatch, status):
    received = tmp_path / "context.tar"
    answers = '[ "$1" = version ] && echo 27.0 && exit'
    script = f'{answers}; echo "$@" >{tmp_path}/words; cat >{received}; exit {status}'
    monkeypatch.setenv("PATH", f"{docker(tmp_path, script)}:/usr/bin:/bin")
    done = CliRunner().invoke(app, ["image", "build", "--tag", "a:b"])
    assert done.exit_code == status
    assert received.read_bytes() == context(ROOT)
    assert (tmp_path / "words").read_text().startswith("build --file pipeline/kubeflow/Dockerfile --tag a:b")
    assert ("docker push a:b" in done.output) is (status == 0)


def test_a_recipe_is_read_with_its_continued_lines_and_comments():
    plan = recipe.read(
        'ARG A=1\n# a comment\nFROM x:${A} AS first\nRUN one \\\n# between\n    && two\nENV B="c d" E=f\n'
        'FROM x\nCOPY --from=first /a b c/\nCMD ["d", "e f"]\n'
    )
    assert plan.arguments == {"A": "1"}
    assert [(stage.base, stage.name) for stage in plan.stages] == [("x:${A}", "first"), ("x", None)]
    run, env = plan.stages[0].instructions
    assert (run.text, run.line, run.command()) == ("one && two", 4, ["/bin/sh", "-c", "one && two"])
    assert env.settings() == {"B": "c d", "E": "f"}
    copy, command = plan.stages[1].instructions
    assert copy.copied() == ("first", ["/a", "b"], "c/")
    assert command.command() == ["d", "e f"]
    assert plan.context_sources() == []
    assert recipe.expand("a${B}$C-${D}", {"B": "1", "C": "2"}) == "a12-"


@pytest.mark.parametrize("text", ["FROM a\nADD b c\n", "RUN a\n", "FROM a\nCOPY --chown=1 b c\n"])
def test_what_the_recipes_reader_does_not_know_is_refused(text):
    with pytest.raises(ConfigError, match=r"Dockerfile line \d"):
        recipe.read(text).context_sources()


def test_labels_are_json_for_docker():
    [label] = steps("LABEL", -1)
    assert (
        json.loads(json.dumps(label.settings()))["org.opencontainers.image.licenses"]
        == PROJECT["project"]["license"]
    )
