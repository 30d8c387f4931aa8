"""Hostile programs: each tries something, and ends without an exception only if it succeeds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from components.errors import StageError
from components.task_evaluator import sandbox
from components.task_evaluator.sandbox import Limits

pytestmark = pytest.mark.skipif(
    not sandbox.layers() >= sandbox._NEEDED, reason=f"this kernel has only {sorted(sandbox.layers())}"
)

SHORT = Limits(seconds=2.0, memory_bytes=300_000_000)

FORK_BOMB = "import os\nfor _ in range(4):\n    os.fork()"
SUBPROCESS = "import subprocess\nsubprocess.run(['/bin/true'])"
EXEC = "import os\nos.execv('/bin/true', ['true'])"
MEMORY = "block = bytearray(400_000_000)"
LARGE_FILE = "with open('large', 'wb') as file:\n    for _ in range(40):\n        file.write(bytes(100_000))"
DISK = (
    "for number in range(100):\n    with open(str(number), 'wb') as file:\n        file.write(bytes(900_000))"
)
SERVER = "import socket\nsocket.socket().bind(('127.0.0.1', 0))"
UNIX_SOCKET = "import socket\nsocket.socket(socket.AF_UNIX)"
SIGNAL = f"import os\nos.kill({os.getpid()}, 0)"
READ_ACCOUNTS = "open('/etc/passwd').read()"
PROCESSES = "import os\nos.listdir('/proc')"
MORE_TIME = "import resource\nresource.setrlimit(resource.RLIMIT_CPU, (100, 100))"
MOUNT = (
    "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
    "assert libc.mount(b'tmpfs', b'/', b'tmpfs', 0, None) == 0"
)
HOSTILE = {
    name: value for name, value in list(globals().items()) if name.isupper() and isinstance(value, str)
}


def test_an_honest_program_runs_with_files_of_its_own() -> None:
    program = (
        "import math, collections, re, typing\nassert math.isqrt(17) == 4\n"
        "open('own', 'w').write('text')\nassert open('own').read() == 'text'"
    )
    assert sandbox.runs(program, Limits())


@pytest.mark.parametrize(
    "failing", ["assert 1 == 2", "raise SystemExit(0)", "def (", "import os\nos._exit(0)"]
)
def test_a_program_that_does_not_come_to_its_end_has_failed(failing: str) -> None:
    assert not sandbox.runs(failing, Limits())


@pytest.mark.parametrize("name", HOSTILE)
def test_what_would_do_harm_is_refused(name: str) -> None:
    if name == "DISK" and not _may_mount():
        pytest.skip("in a chroot and on some systems a program's folder can only be on the disk")
    assert not sandbox.runs(HOSTILE[name], SHORT)


def _may_mount() -> bool:
    """Whether this machine lets a process have a namespace of its own and mount a folder in it."""
    mount = ["mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    command = ["unshare", "--user", "--map-root-user", "--mount", *mount]
    return subprocess.run(command, capture_output=True).returncode == 0


def test_every_hostile_program_would_succeed_outside() -> None:
    """Or the tests above would say nothing."""
    source = "\n".join(
        ["import os, sys, tempfile", "os.chdir(tempfile.mkdtemp())", *(_tried(name) for name in HOSTILE)]
    )
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def _tried(name: str) -> str:
    if name in ("MOUNT", "EXEC", "FORK_BOMB"):
        return ""
    return f"exec({HOSTILE[name]!r})"


def test_a_program_cannot_write_outside_its_folder(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("before")
    tmp_path.chmod(0o777)
    for attempt in (
        f"open({str(kept)!r}, 'w')",
        f"open({str(tmp_path / 'new')!r}, 'w')",
        f"import os; os.remove({str(kept)!r})",
        f"import os; os.rename({str(kept)!r}, {str(tmp_path / 'moved')!r})",
        f"import os; os.symlink('/', {str(tmp_path / 'link')!r})",
        f"import os; os.truncate({str(kept)!r}, 0)",
    ):
        assert not sandbox.runs(attempt, Limits())
    assert kept.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_a_program_sees_nothing_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_TEST", "1")
    assert sandbox.runs("import os\nassert not set(os.environ) - {'LC_CTYPE'}", Limits())


def test_an_endless_loop_is_ended() -> None:
    assert not sandbox.runs("while True:\n    pass", Limits(seconds=0.5))
    assert not sandbox.runs("import time\ntime.sleep(60)", Limits(seconds=0.5))


def test_an_endless_output_fills_nothing() -> None:
    assert not sandbox.runs("while True:\n    print('x' * 10_000)", Limits(seconds=0.5))


def test_nothing_is_run_where_a_layer_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "layers", lambda: frozenset({"limits", "seccomp"}))
    with pytest.raises(StageError, match="no landlock"):
        sandbox.runs("", Limits())
