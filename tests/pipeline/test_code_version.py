"""Which code a run was made with."""

import shutil
import subprocess
import sys

import pytest

from pipeline import code_version


@pytest.fixture
def checkout(tmp_path):
    def git(*arguments):
        who = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", "-C", str(tmp_path), *who, *arguments], check=True, capture_output=True)

    if not shutil.which("git"):
        pytest.skip("no git here")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "a.py").write_text("one = 1\n")
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    return tmp_path


def test_a_clean_checkout_is_its_commit(checkout):
    found = code_version.current(checkout)
    head = subprocess.run(
        ["git", "-C", str(checkout), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    )
    assert found.commit == head.stdout.strip()
    assert found.changes_sha256 is None


def test_changed_code_and_a_new_module_are_seen_and_two_changes_told_apart(checkout):
    def changes():
        return code_version.current(checkout).changes_sha256

    (checkout / "notes.txt").write_text("no code\n")
    assert changes() is None
    (checkout / "models" / "a.py").write_text("one = 2\n")
    first = changes()
    (checkout / "models" / "b.py").write_text("new\n")
    second = changes()
    (checkout / "models" / "b.py").write_text("newer\n")
    assert None not in (first, second)
    assert len({first, second, changes()}) == 3


def test_an_installation_is_its_release_and_packages(tmp_path):
    found = code_version.current(tmp_path)
    assert found.commit is None
    assert found.packages["tensorflow"].startswith("2.")
    assert found.release == found.packages["lexmill"]
    assert found.summary() == f"lexmill {found.release}, Python {found.python}"


def test_of_two_copies_of_a_package_the_one_that_is_imported_counts(tmp_path, monkeypatch):
    for folder, version in (("first", "2.0"), ("vendored", "1.0")):
        metadata = tmp_path / folder / "Twice_There.dist-info" / "METADATA"
        metadata.parent.mkdir(parents=True)
        metadata.write_text(f"Metadata-Version: 2.1\nName: Twice_There\nVersion: {version}\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "first"), str(tmp_path / "vendored")])
    assert code_version.current(tmp_path).packages == {"twice_there": "2.0"}
