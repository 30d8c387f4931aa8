"""A Dockerfile as data: its stages, and the instructions of each.

As much of the format as the image's own recipe uses (Docker's Dockerfile reference): comments, lines that
go on after a backslash, ``${NAME}``, and the instructions in `KNOWN`. Anything else is an error rather than
a guess.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import ConfigError

FILE = Path(__file__).parent / "Dockerfile"
KNOWN = ("ARG", "CMD", "COPY", "ENV", "FROM", "LABEL", "RUN", "USER", "WORKDIR")
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


@dataclass(frozen=True)
class Instruction:
    """One logical line."""

    keyword: str
    """In capitals."""
    text: str
    """What follows, its lines joined."""
    line: int
    """Where it begins, from 1."""

    def settings(self) -> dict[str, str]:
        """Of ``ENV``, ``LABEL`` or ``ARG``: name -> value, variables as they were written."""
        words = (word.partition("=") for word in shlex.split(self.text))
        return {name: value for name, _, value in words}

    def copied(self) -> tuple[str | None, list[str], str]:
        """Of ``COPY``: the stage copied from (None: the build context), the sources, the destination."""
        words = shlex.split(self.text)
        flags = dict(word[2:].partition("=")[::2] for word in words if word.startswith("--"))
        if set(flags) - {"from"}:
            raise ConfigError(
                f"Dockerfile line {self.line}: COPY {' '.join(flags)}: only --from is understood"
            )
        *sources, destination = (word for word in words if not word.startswith("--"))
        return flags.get("from"), sources, destination

    def command(self) -> list[str]:
        """Of ``RUN`` and ``CMD``: what is executed."""
        if self.text.startswith("["):
            return [str(word) for word in json.loads(self.text)]
        return ["/bin/sh", "-c", self.text]


@dataclass(frozen=True)
class Stage:
    """From one ``FROM`` to the next."""

    base: str
    """An image, or an earlier stage's name; variables as they were written."""
    name: str | None
    instructions: list[Instruction] = field(default_factory=list)


@dataclass(frozen=True)
class Recipe:
    """A whole Dockerfile."""

    arguments: dict[str, str]
    """The build arguments declared before the first stage, with their defaults."""
    stages: list[Stage]

    def context_sources(self) -> list[str]:
        """What is copied from the build context, in the order of the file."""
        copies = [
            one.copied() for stage in self.stages for one in stage.instructions if one.keyword == "COPY"
        ]
        return [source for stage, sources, _ in copies if stage is None for source in sources]


def read(text: str) -> Recipe:
    """Parses a Dockerfile.

    Raises:
      ConfigError: an instruction that is not in `KNOWN`, or one that stands before the first ``FROM``.
    """
    arguments: dict[str, str] = {}
    stages: list[Stage] = []
    for instruction in _instructions(text):
        if instruction.keyword not in KNOWN:
            raise ConfigError(
                f"Dockerfile line {instruction.line}: {instruction.keyword}: known are {', '.join(KNOWN)}"
            )
        if instruction.keyword == "FROM":
            base, *name = instruction.text.split()
            stages.append(Stage(base, name[1] if name else None))
        elif stages:
            stages[-1].instructions.append(instruction)
        elif instruction.keyword == "ARG":
            arguments.update(instruction.settings())
        else:
            raise ConfigError(f"Dockerfile line {instruction.line}: {instruction.keyword} before any FROM")
    return Recipe(arguments, stages)


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Puts variables in; one that is not set is empty, as Docker has it."""
    return _VARIABLE.sub(lambda match: variables.get(match[1] or match[2], ""), text)


def _instructions(text: str) -> list[Instruction]:
    found: list[Instruction] = []
    parts: list[str] = []
    start = 0
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("#") or (not line.strip() and not parts):
            continue
        start = start if parts else number
        going_on = line.rstrip().endswith("\\")
        parts.append(line.rstrip().removesuffix("\\").strip())
        if not going_on:
            keyword, _, rest = " ".join(parts).partition(" ")
            found.append(Instruction(keyword.upper(), rest.strip(), start))
            parts = []
    return found
