"""Which code makes a run: this package's release and commit, Python, and every installed package.

In a checkout, the commit and a hash of what differs from it in the files that a run depends on; in an
installation from a repository, the commit that the installer noted (PEP 610); else the release alone.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path

from models.config import Settings

NAME = "lexmill"
_CHECKOUT = Path(__file__).resolve().parent.parent
_CODE = ("pipeline", "components", "models", "serving", "pyproject.toml", "uv.lock")
_GIT_TIMEOUT_S = 20


class CodeVersion(Settings):
    """Of the process that ran."""

    release: str
    """Of this package."""
    commit: str | None = None
    """None where neither a checkout nor the installer tells it."""
    changes_sha256: str | None = None
    """Of what differs from the commit; None where nothing does."""
    python: str
    system: str
    packages: dict[str, str]
    """Distribution -> version, all that are installed."""

    def summary(self) -> str:
        """``0.1.0, commit 0123456789ab with changes deadbeef, Python 3.10.13``."""
        commit = f", commit {self.commit[:12]}" if self.commit else ""
        changes = f" with changes {self.changes_sha256[:8]}" if self.changes_sha256 else ""
        return f"{NAME} {self.release}{commit}{changes}, Python {self.python}"


def current(checkout: Path = _CHECKOUT) -> CodeVersion:
    """Of this process; ``checkout`` is the folder that holds the packages."""
    packages = installed_packages()
    commit, changes = _git(checkout) if (checkout / ".git").exists() else (_installed_commit(), None)
    return CodeVersion(
        release=packages.get(NAME, "unknown"),
        commit=commit,
        changes_sha256=changes,
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
        packages=dict(sorted(packages.items())),
    )


def installed_packages() -> dict[str, str]:
    """Distribution, in lower case -> version. The first of a name on the path is the one that is imported:
    setuptools may append copies of its own."""
    versions: dict[str, str] = {}
    for each in importlib.metadata.distributions():
        if each.name:
            versions.setdefault(each.name.lower(), each.version)
    return versions


def _git(checkout: Path) -> tuple[str | None, str | None]:
    try:
        commit = _run(checkout, ["rev-parse", "HEAD"]).decode().strip()
        changes = _run(checkout, ["diff", "HEAD", "--binary", "--", *_CODE])
        listed = _run(checkout, ["ls-files", "--others", "--exclude-standard", "-z", "--", *_CODE])
    except (OSError, subprocess.SubprocessError):  # No git, a repository of another user's, no commit yet.
        return None, None
    digest = hashlib.sha256(changes)
    untracked = [name for name in listed.decode().split("\0") if name]
    for name in untracked:
        digest.update(f"{name}\n".encode() + (checkout / name).read_bytes())
    return commit, digest.hexdigest() if changes or untracked else None


def _run(checkout: Path, arguments: Sequence[str]) -> bytes:
    command = ["git", "-C", str(checkout), "-c", "core.quotepath=off", *arguments]
    return subprocess.run(command, capture_output=True, check=True, timeout=_GIT_TIMEOUT_S).stdout


def _installed_commit() -> str | None:
    """As ``pip install git+https://…`` notes it in ``direct_url.json``."""
    try:
        noted = importlib.metadata.distribution(NAME).read_text("direct_url.json")
        commit = json.loads(noted or "{}").get("vcs_info", {}).get("commit_id")
    except (importlib.metadata.PackageNotFoundError, ValueError, AttributeError):
        return None
    return str(commit) if commit else None
