import logging
import os
import subprocess
import sys
import warnings

from pipeline import quiet


def test_afterwards_logging_and_warnings_are_as_before(tmp_path, monkeypatch):
    root = logging.getLogger()
    monkeypatch.setattr(root, "level", logging.ERROR)
    shown, handlers = warnings.showwarning, list(root.handlers)
    with quiet.libraries_write_to(tmp_path / "log.txt"):
        assert root.level == logging.INFO
        assert warnings.showwarning != shown
    assert (root.level, root.handlers, warnings.showwarning) == (logging.ERROR, handlers, shown)


def test_what_libraries_write_goes_to_the_file_and_the_terminal_stays_open(tmp_path, capfd):
    log = tmp_path / "logs" / "log.txt"
    with quiet.libraries_write_to(log) as terminal:
        os.write(1, b"from C\n")
        os.write(2, b"from C, error\n")
        subprocess.run([sys.executable, "-c", "print('child')"], check=True)
        logging.getLogger("some.library").info("a record")
        warnings.warn("a warning", stacklevel=1)
        print("to the user", file=terminal)
    print("after")
    written = log.read_text(encoding="utf-8")
    for noise in ("from C\n", "from C, error\n", "child\n", "a record", "a warning"):
        assert noise in written
    shown = capfd.readouterr()
    assert shown.out.splitlines() == ["to the user", "after"]
    assert shown.err == ""


def test_what_the_user_set_in_the_environment_stays(monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    quiet.set_environment()
    assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "0"
