"""Two runs, field by field: pure functions of what `sides` gathered.

Lists of tables that have a name, such as the corpus' sources, are compared by that name, so that one source
more is one difference and not a different list.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from components.corpus_gen.source_files import SourceFile
from pipeline.comparison.sides import Side

MISSING = None
"""Of a field that one side does not have."""


@dataclasses.dataclass(frozen=True)
class Change:
    """A field and its two values."""

    field: str
    one: Any
    other: Any

    @property
    def difference(self) -> float | None:
        """Of two numbers: the other less the one."""
        numbers = [value for value in (self.one, self.other) if _is_number(value)]
        return numbers[1] - numbers[0] if len(numbers) == 2 else None


@dataclasses.dataclass(frozen=True)
class Files:
    """What became of the source files from one run to the other, ``source: path`` each."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[Change, ...] = ()
    """With both hashes."""
    renamed: tuple[Change, ...] = ()
    """The same bytes under another name: both names."""
    num_same: int = 0


@dataclasses.dataclass(frozen=True)
class Differences:
    """Everything that differs; None where a side did not record it."""

    one: str
    other: str
    configuration: tuple[Change, ...] | None
    counts: tuple[Change, ...] | None
    files: Files | None
    code: tuple[Change, ...] | None
    metrics: tuple[Change, ...] | None
    """All of them, those too that are equal, by slice: ``overall: bits_per_byte``."""

    def as_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def compare(one: Side, other: Side) -> Differences:
    """From the first run to the second."""
    has_metrics = one.evaluation is not None and other.evaluation is not None
    return Differences(
        one=one.label,
        other=other.label,
        configuration=(
            changes(one.configuration, other.configuration)
            if one.configuration and other.configuration
            else None
        ),
        counts=changes(
            one.counts.model_dump(exclude={"examples"}), other.counts.model_dump(exclude={"examples"})
        )
        if one.counts and other.counts
        else None,
        files=compare_files(one.files, other.files) if one.files and other.files else None,
        code=changes(one.code.model_dump(), other.code.model_dump()) if one.code and other.code else None,
        metrics=_metrics(one.evaluation.metrics, other.evaluation.metrics)
        if has_metrics and one.evaluation and other.evaluation
        else None,
    )


def changes(one: Any, other: Any, field: str = "") -> tuple[Change, ...]:
    """The fields that differ, by their dotted names, in the order of the first side and then of the other."""
    one, other = _by_name(one), _by_name(other)
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        names = [*one, *(name for name in other if name not in one)]
        found: list[Change] = []
        for name in names:
            inner = f"{field}.{name}" if field else str(name)
            found += changes(one.get(name, MISSING), other.get(name, MISSING), inner)
        return tuple(found)
    return () if one == other else (Change(field, one, other),)


def compare_files(
    one: Mapping[tuple[str, str], SourceFile], other: Mapping[tuple[str, str], SourceFile]
) -> Files:
    """By name first, and what is left by hash."""
    removed = {key: file for key, file in one.items() if key not in other}
    added = {key: file for key, file in other.items() if key not in one}
    common = [key for key in one if key in other]
    changed = [key for key in common if one[key].sha256 != other[key].sha256 or one[key].sha256 is None]
    by_hash = {file.sha256: key for key, file in sorted(removed.items()) if file.sha256}
    renamed = []
    for key, file in sorted(added.items()):
        before = by_hash.pop(file.sha256 or "", None)
        if before is not None:
            renamed.append((before, key))
    gone, new = {before for before, _ in renamed}, {after for _, after in renamed}
    return Files(
        added=tuple(_named(key) for key in sorted(added) if key not in new),
        removed=tuple(_named(key) for key in sorted(removed) if key not in gone),
        changed=tuple(Change(_named(key), one[key].sha256, other[key].sha256) for key in sorted(changed)),
        renamed=tuple(Change("", _named(before), _named(after)) for before, after in renamed),
        num_same=len(common) - len(changed),
    )


def _metrics(
    one: Mapping[str, Mapping[str, float]], other: Mapping[str, Mapping[str, float]]
) -> tuple[Change, ...]:
    slices = [*one, *(name for name in other if name not in one)]
    found = []
    for name in slices:
        ours, theirs = one.get(name, {}), other.get(name, {})
        metrics: Iterable[str] = [*ours, *(metric for metric in theirs if metric not in ours)]
        found += [Change(f"{name}: {metric}", ours.get(metric), theirs.get(metric)) for metric in metrics]
    return tuple(found)


def _by_name(value: Any) -> Any:
    """A list of named tables as a table of them."""
    is_named = (
        isinstance(value, (list, tuple))
        and value
        and all(isinstance(item, Mapping) and "name" in item for item in value)
    )
    return {item["name"]: item for item in value} if is_named else value


def _named(key: tuple[str, str]) -> str:
    return ": ".join(key)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
