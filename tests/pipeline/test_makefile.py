"""The Makefile, `.ci/environment` and `.ci/run`, with uv, pip and the tools replaced by recording scripts."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UV_VERSION = next(
    line.removeprefix("uv_version=")
    for line in (ROOT / ".ci" / "environment").read_text().splitlines()
    if line.startswith("uv_version=")
)
FAKE_UV = f"""
case "$1 $*" in
--version*) echo "uv {UV_VERSION} (x86_64-unknown-linux-gnu)"; exit ;;
*--check*) [ "$(cat .venv/python 2>/dev/null)" = "${{@: -1}}" ]; exit ;;
"python python find"*) echo "$PWD/machine/python3.10"; [ ! -e no-python ]; exit ;;
"python python install"*) echo "a wall of text"; exit 2 ;;
esac
[ ! -e broken-lock ] || {{ echo "error: the lock file needs to be updated"; exit 2; }}
echo "uv $*" >>calls
mkdir -p .venv && echo "${{@: -1}}" >.venv/python
"""
FAKE_PIP = """
[ "$3" = install ] || exit 0
mkdir -p .tools/uv/bin && cp right-uv .tools/uv/bin/uv && echo "pip $*" >>calls
"""
Make = Callable[..., subprocess.CompletedProcess[str]]


def write_script(path: Path, body: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/bash\n{body}\n")
    path.chmod(0o755)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the files under test, and fake programs that stand for the machine's."""
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    shutil.copy(ROOT / "Makefile", tmp_path)
    write_script(tmp_path / "machine" / "uv", FAKE_UV)
    write_script(tmp_path / "machine" / "getconf", 'echo "glibc 2.41"')
    write_script(tmp_path / "machine" / "uname", 'echo "Linux x86_64"')
    write_script(tmp_path / "machine" / "c++", "")
    write_script(tmp_path / "machine" / "python3.10", 'echo "$PWD/machine/include"')
    write_script(tmp_path / "machine" / "include" / "Python.h", "")
    for tool in ("ruff", "mypy", "pytest", "lexmill"):
        write_script(tmp_path / ".venv" / "bin" / tool, f'echo "{tool} $*" >>calls; [ ! -e {tool}-fails ]')
    return tmp_path


@pytest.fixture
def run(checkout: Path) -> Make:
    def run(*command: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": f"{checkout / 'machine'}:/usr/bin:/bin",
            "HOME": str(checkout),
            "LC_ALL": os.environ.get("LC_ALL", "C"),
        }
        return subprocess.run(
            command, cwd=checkout, env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    return run


def calls(checkout: Path) -> list[str]:
    path = checkout / "calls"
    return path.read_text().splitlines() if path.exists() else []


def test_the_locked_environment_is_made_with_compiled_bytecode(run: Make, checkout: Path) -> None:
    assert run("make", "environment").returncode == 0
    assert calls(checkout) == ["uv sync --locked --compile-bytecode --python 3.10"]


def test_on_a_machine_with_a_gpu_the_environment_has_cudas_libraries(run: Make, checkout: Path) -> None:
    write_script(checkout / "machine" / "nvidia-smi", "")
    assert "base stack with CUDA libraries" in run("make", "environment").stdout
    assert calls(checkout) == ["uv sync --locked --extra gpu --compile-bytecode --python 3.10"]


def test_an_environment_that_is_up_to_date_is_not_made_again(run: Make, checkout: Path) -> None:
    run("make", "environment")
    again = run("make", "environment")
    assert again.stdout == "environment: Python 3.10, base stack: up to date\n"
    assert len(calls(checkout)) == 1


def test_another_python_makes_the_environment_anew(run: Make, checkout: Path) -> None:
    run("make", "environment")
    assert "modern stack" in run("make", "environment", "PYTHON=3.13").stdout
    assert [call[-4:] for call in calls(checkout)] == ["3.10", "3.13"]


@pytest.mark.parametrize(
    ("glibc", "python", "said"),
    [
        ("2.36", "3.13", "needs glibc 2.39 or later; here is glibc 2.36: use Debian 13"),
        ("2.36", "3.11", "or PYTHON=3.10, whose stack runs here"),
        ("2.9", "3.10", "needs glibc 2.28 or later; here is glibc 2.9"),
        ("2.41", "3.9", "PYTHON=3.9: give 3.10"),
        ("2.41", "3.14", "or 3.11, 3.12, 3.13 (the modern stack)"),
    ],
)
def test_a_python_that_cannot_work_here_is_refused_in_one_line_before_anything_is_installed(
    run: Make, checkout: Path, glibc: str, python: str, said: str
) -> None:
    write_script(checkout / "machine" / "getconf", f'echo "glibc {glibc}"')
    refused = run("make", "environment", f"PYTHON={python}")
    first, *rest = refused.stderr.splitlines()
    assert refused.returncode != 0
    assert said in first
    assert [line[:5] for line in rest] == ["make:"]
    assert not calls(checkout)
    assert not (checkout / ".tools").exists()


@pytest.mark.parametrize(("glibc", "python"), [("2.28", "3.10"), ("2.36", "3.10"), ("2.39", "3.12")])
def test_a_glibc_that_suffices_is_accepted(run: Make, checkout: Path, glibc: str, python: str) -> None:
    write_script(checkout / "machine" / "getconf", f'echo "glibc {glibc}"')
    assert run("make", "environment", f"PYTHON={python}").returncode == 0


def test_another_processor_is_refused(run: Make, checkout: Path) -> None:
    write_script(checkout / "machine" / "uname", 'echo "Linux aarch64"')
    refused = run("make", "environment")
    assert refused.returncode != 0
    assert "Linux x86_64 only" in refused.stderr


@pytest.mark.parametrize("lacks", ["python", "headers"])
def test_a_python_that_cannot_be_had_is_one_line_that_says_what_to_install(
    run: Make, checkout: Path, lacks: str
) -> None:
    if lacks == "python":
        (checkout / "no-python").touch()
    else:
        (checkout / "machine" / "include" / "Python.h").unlink()
    refused = run("make", "environment")
    assert refused.returncode != 0
    assert "no Python 3.10 with its headers here, and it cannot be fetched: install" in refused.stderr
    assert "a wall of text" not in refused.stdout + refused.stderr


def test_uv_of_another_version_is_not_used(run: Make, checkout: Path) -> None:
    write_script(checkout / "machine" / "uv", 'echo "uv 0.1.0"')
    write_script(checkout / "machine" / "python3", FAKE_PIP)
    write_script(checkout / "right-uv", FAKE_UV)
    assert run("make", "environment").returncode == 0
    pip, uv = calls(checkout)
    assert pip.endswith(f"--target .tools/uv uv=={UV_VERSION}")
    assert uv.startswith("uv sync --locked")


def test_a_failure_of_uv_shows_the_end_of_its_log(run: Make, checkout: Path) -> None:
    (checkout / "broken-lock").touch()
    failed = run("make", "environment")
    assert failed.returncode != 0
    assert "the lock file needs to be updated" in failed.stderr
    assert not (checkout / ".venv" / ".compiled").exists()


def test_make_test_checks_lint_format_types_and_tests_in_this_order(run: Make, checkout: Path) -> None:
    assert run("make", "test").returncode == 0
    assert calls(checkout)[1:] == [
        "ruff check --quiet .",
        "ruff format --quiet --check .",
        "mypy --no-error-summary --python-version 3.10",
        f"pytest --numprocesses {len(os.sched_getaffinity(0))} --maxprocesses 4 --dist loadfile "
        "--no-loadscope-reorder",
    ]


@pytest.mark.parametrize("tool", ["ruff", "mypy", "pytest"])
def test_the_ci_script_fails_when_a_tool_of_make_test_fails(run: Make, checkout: Path, tool: str) -> None:
    assert run(".ci/run").returncode == 0
    (checkout / f"{tool}-fails").touch()
    assert run(".ci/run").returncode != 0


def test_make_run_makes_the_environment_and_runs_the_pipeline(run: Make, checkout: Path) -> None:
    assert run("make", "run").returncode == 0
    assert calls(checkout)[1:] == ["lexmill run --ask To be, or not to be"]
    (checkout / "lexmill-fails").touch()
    assert run("make", "run").returncode != 0


def test_help_names_every_target(run: Make) -> None:
    shown = run("make", "help").stdout
    for target in ("environment", "run", "test", "lint", "format", "clean"):
        assert f"make {target} " in shown
