"""Spans and versions: which of the dated or numbered parts of a corpus a run takes, by TFX's own rules.

A pattern may have ``{SPAN}``, a number (``{SPAN:3}``: of three digits), or ``{YYYY}``, ``{MM}`` and
``{DD}``, whose span is the days since 1970-01-01; and beside it ``{VERSION}``. TFX looks for the latest
span, or the one that the configuration names, and for that span's latest version; here they take the
braces' place, so new data that arrives is another corpus to the cache, and a new run. All sources with
a span must have the same latest one: one whose data has not arrived yet is an error, and not an old day
beside a new one.
"""

from __future__ import annotations

import datetime
import re
from typing import NamedTuple

from tfx.components.example_gen import utils
from tfx.proto import example_gen_pb2, range_config_pb2

from components.config import CorpusConfig, SourceConfig
from components.corpus_gen import files
from components.errors import CorpusError

_ANY_SPEC = re.compile(r"\{(SPAN|VERSION)(:[^}]*)?\}|\{(YYYY|MM|DD)\}")


class Resolved(NamedTuple):
    """A corpus whose patterns have no braces left."""

    corpus: CorpusConfig
    span: int
    """0 where no pattern has one, as TFX has it."""
    version: int | None
    """The highest of the sources'; None where no pattern has one."""


def resolve(corpus: CorpusConfig) -> Resolved:
    """Numbers in place of the braces; a corpus without any as it is.

    Raises:
      CorpusError: nothing matches, the sources' latest spans differ, or the braces are not as TFX has them.
    """
    name_to_span: dict[str, int] = {}
    versions: list[int] = []
    sources: list[SourceConfig] = []
    for source in corpus.sources:
        if not _ANY_SPEC.search(source.pattern):
            sources.append(source)
            continue
        pattern, span, version = _latest(corpus, source)
        sources.append(source.model_copy(update={"pattern": pattern}))
        name_to_span[source.name] = span
        versions += [] if version is None else [version]
    if len(set(name_to_span.values())) > 1:
        found = ", ".join(f"{name} {span}" for name, span in name_to_span.items())
        raise CorpusError(
            f"corpus {corpus.path}: the sources' latest spans differ ({found}): wait for the rest of the "
            "data, or set corpus.span to one that all have"
        )
    if corpus.span is not None and not name_to_span:
        raise CorpusError(
            f"corpus.span = {corpus.span}: no source's pattern has {{SPAN}}, or {{YYYY}}, {{MM}} and {{DD}}; "
            "add them to a pattern, or leave corpus.span out"
        )
    resolved = corpus.model_copy(update={"sources": tuple(sources), "span": None})
    return Resolved(resolved, next(iter(name_to_span.values()), 0), max(versions, default=None))


def _latest(corpus: CorpusConfig, source: SourceConfig) -> tuple[str, int, int | None]:
    """Pattern, span and version."""
    # Up to the path's part with the last brace, as TFX's own patterns do not cross folders.
    end = source.pattern.find("/", max(match.end() for match in _ANY_SPEC.finditer(source.pattern)))
    head, tail = (source.pattern, "") if end < 0 else (source.pattern[:end], source.pattern[end:])
    split = example_gen_pb2.Input.Split(name=source.name, pattern=head)
    # TFX's patterns have no quoting, either: any character in place of the folder's special ones.
    folder = files.root_of(corpus.path)
    root = re.sub(r"[*?\[\]{}^$|+()\\]", "?", folder)
    try:
        _, span, version = utils.calculate_splits_fingerprint_span_and_version(
            root, [split], _range(corpus.span)
        )
    except ValueError as error:
        which = "" if corpus.span is None else f" with corpus.span = {corpus.span}"
        raise CorpusError(
            f"corpus source {source.name!r}: no span or version to be had below {folder} by the pattern "
            f"{source.pattern!r}{which} ({error})"
        ) from error
    return split.pattern + tail, span, version


def _range(span: int | datetime.date | None) -> range_config_pb2.RangeConfig | None:
    if span is None:
        return None
    if isinstance(span, datetime.date):
        span = utils.date_to_span_number(span.year, span.month, span.day)
    static = range_config_pb2.StaticRange(start_span_number=span, end_span_number=span)
    return range_config_pb2.RangeConfig(static_range=static)
