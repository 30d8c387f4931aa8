"""``lexmill tensorboard``: TensorBoard on all training runs, by readable names."""

from __future__ import annotations

import contextlib
import shlex
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pipeline import quiet, task_runs, training_runs
from pipeline.config import load
from pipeline.errors import MissingInputError, PortTakenError

_LOOK_EVERY_S = 2.0
_SAMPLES_KEPT = "scalars=5000,text=500,histograms=100"
"""Points that TensorBoard keeps of a curve or panel, which of text are 10 unless it is told."""


def start_tensorboard(configs: Sequence[str], overrides: Sequence[str], host: str, port: int) -> int:
    """Serves TensorBoard until it is told to stop; returns its exit status.

    Args:
      configs: the pipelines to show; all that are in the output folder when there are none.
    """
    roots = _roots(configs, overrides)
    if not training_runs.find(roots()):
        raise _nothing_there(configs, overrides)
    _require_free(host, port)
    with tempfile.TemporaryDirectory(prefix="lexmill-tensorboard-") as folder:
        # A terminal that closes, too, leaves no folder behind.
        signal.signal(signal.SIGHUP, lambda *_: sys.exit(0))
        links = RunLinks(Path(folder), roots)
        links.update()
        ended = threading.Event()
        watcher = threading.Thread(target=_watch, args=(links, ended), daemon=True)
        watcher.start()
        try:
            return _serve(folder, host, port)
        finally:
            ended.set()
            watcher.join()


class RunLinks:
    """A folder with a link to each training run, and to each set of tasks that were asked, under its name:
    what TensorBoard calls them by."""

    def __init__(self, folder: Path, roots: Callable[[], Sequence[Path]]) -> None:
        self._folder = folder
        self._roots = roots
        self._linked: dict[Path, str] = {}

    def update(self) -> None:
        """Links runs that are new, and drops the links of those that are gone. Names stay."""
        runs = training_runs.find(self._roots())
        tasks = task_runs.find(self._roots())
        there = {run.folder for run in runs} | set(tasks)
        for target in [target for target in self._linked if target not in there]:
            (self._folder / self._linked.pop(target)).unlink()
        new = [run for run in runs if run.folder not in self._linked]
        names = training_runs.names(new, self._linked.values())
        names |= {folder: name for folder, name in tasks.items() if folder not in self._linked}
        for target, name in names.items():
            link = self._folder / name
            link.parent.mkdir(exist_ok=True)
            link.symlink_to(target, target_is_directory=True)
            self._linked[target] = name


def _roots(configs: Sequence[str], overrides: Sequence[str]) -> Callable[[], Sequence[Path]]:
    """The folders of the pipelines to show, at the time of the call."""
    if configs:
        roots = [Path(load(config, overrides).root) for config in configs]
        return lambda: roots
    output_root = _output_root(overrides)
    return lambda: training_runs.pipelines(output_root)


def _output_root(overrides: Sequence[str]) -> Path:
    """Where all pipelines' folders are, by default or as overridden."""
    return Path(load("shakespeare", overrides).output.root)


def _nothing_there(configs: Sequence[str], overrides: Sequence[str]) -> MissingInputError:
    where = ", ".join(load(config, overrides).root for config in configs) or str(_output_root(overrides))
    command = shlex.join(["lexmill", "run", *configs[:1]])
    return MissingInputError(f"{where}: no training run is here yet: start one with '{command}'")


def _require_free(host: str, port: int) -> None:
    """Before TensorBoard, which takes seconds to say so."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise PortTakenError(
                f"{host}:{port}: cannot listen there: {error.strerror}: give another with --port, 0 is any"
            ) from error


def _watch(links: RunLinks, ended: threading.Event) -> None:
    while not ended.wait(_LOOK_EVERY_S):
        with contextlib.suppress(OSError):  # A folder that is just being removed.
            links.update()


def _serve(folder: str, host: str, port: int) -> int:
    quiet.set_environment()
    from tensorboard import default, program

    tensorboard: Any = program.TensorBoard(default.get_plugins())
    arguments = [f"--logdir={folder}", f"--host={host}", f"--port={port}"]
    tensorboard.configure(
        ["tensorboard", *arguments, f"--samples_per_plugin={_SAMPLES_KEPT}", "--window_title=Lexmill"]
    )
    return int(tensorboard.main())
