"""What a run shows: the stage under way with its progress, and a line for each that has ended.

On a terminal, a live line with a bar and the time left; elsewhere (a file, CI), plain
lines, at most one every few seconds.
"""

from __future__ import annotations

import logging
import time
from typing import TextIO

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeRemainingColumn

from components.progress import LOGGER_NAME

PLAIN_INTERVAL_S = 10.0
_NAME_WIDTH = 18


class RunDisplay(logging.Handler):
    """Shows stages and renders the records of `components.progress`; a context manager."""

    def __init__(self, file: TextIO) -> None:
        super().__init__(logging.INFO)
        self.console = Console(file=file, highlight=False, soft_wrap=True)
        self._live = self.console.is_terminal
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.fields[stage]:<" + str(_NAME_WIDTH) + "}"),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[count]}"),
            TextColumn("{task.description}"),
            TimeRemainingColumn(compact=True),
            console=self.console,
            transient=True,
            disable=not self._live,
        )
        self._task: TaskID | None = None
        self._stage = ""
        self._result = ""
        self._last_plain_s = 0.0

    def __enter__(self) -> RunDisplay:
        logger = logging.getLogger(LOGGER_NAME)
        logger.addHandler(self)
        logger.setLevel(logging.INFO)
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end_task()
        self._bars.stop()
        logging.getLogger(LOGGER_NAME).removeHandler(self)

    def say(self, line: str, style: str | None = None) -> None:
        """Prints a line above whatever is live."""
        self.console.print(line, style=style, markup=False)

    def show(self, renderable: RenderableType) -> None:
        """Prints a table, say, above whatever is live."""
        self.console.print(renderable, soft_wrap=False)

    def start(self, stage: str, activity: str = "") -> None:
        """A stage begins."""
        self._end_task()
        self._stage, self._result, self._last_plain_s = stage, "", time.monotonic()
        self._task = self._bars.add_task(activity, total=None, stage=stage, count="")

    def finish(self, seconds: float, cached: bool, result: str | None = None) -> None:
        """The stage under way has ended: one line stays."""
        self._end_task()
        if cached:
            self.say(f"· {self._stage:<{_NAME_WIDTH}} cached", style="dim")
        else:
            self.say(f"✓ {self._stage:<{_NAME_WIDTH}} {result or self._result}  ({seconds:.1f} s)")

    def fail(self, message: str) -> None:
        """The stage under way could not do its work."""
        self._end_task()
        self.say(f"✗ {self._stage:<{_NAME_WIDTH}} {message}", style="red")

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if record.levelno >= logging.WARNING:
            self.say(f"! {self._stage:<{_NAME_WIDTH}} {message}", style="yellow")
            return
        completed, total = getattr(record, "completed", None), getattr(record, "total", None)
        self._result = message
        count = f"{completed:,}/{total:,}" if completed is not None and total else ""
        if self._task is not None and self._live:
            self._bars.update(
                self._task, description=message, completed=completed or 0, total=total, count=count
            )
        elif time.monotonic() - self._last_plain_s >= PLAIN_INTERVAL_S:
            self._last_plain_s = time.monotonic()
            self.say(f"  {self._stage:<{_NAME_WIDTH}} {f'{count}: ' if count else ''}{message}")

    def _end_task(self) -> None:
        if self._task is not None:
            self._bars.remove_task(self._task)
            self._task = None
