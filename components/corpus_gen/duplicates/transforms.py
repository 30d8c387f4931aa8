"""Beam wiring of duplicate removal.

    copies by hash ──────────────────────────────────────────────────────────► decisions
    bands by hash -> edges of those that are alike -> forest, in one place ──┘

All of it are records in runs on disk (`fingerprints`, `components.sorted_records`), merged range by range, so
no group is in memory as a whole, however large. What is dropped depends on the documents alone, and not on
workers or order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import apache_beam as beam
import numpy as np

from components import documents, runs, sorted_records
from components.corpus_gen.decisions import Decision, Part, WaitingDecisions
from components.corpus_gen.duplicates import buckets, clusters, fingerprints, signatures
from components.corpus_gen.duplicates.clusters import Dropped
from components.corpus_gen.duplicates.fingerprints import Node
from components.corpus_gen.duplicates.settings import DuplicatesConfig
from components.corpus_gen.staging import Staged, Staging
from components.runs import Run

EXACT = "duplicate:exact"
NEAR = "duplicate:near"
_MANY_EDGES = 200_000
_COPY = sorted_records.dtype_of(fingerprints.COPY.itemsize)


class FindDuplicates:
    """`Staged` to ``((split, part), Run)`` of decisions: of equal, and of nearly equal, texts one is kept.

    A prompt and its completion are one text. Of a copy, the detail names the document that it
    equals, which may itself be left out for one that it resembles.
    """

    def __init__(self, settings: DuplicatesConfig, staging: Staging, splits: tuple[str, ...]) -> None:
        """``splits`` are the nodes', by number."""
        self._settings = settings
        self._staging = staging
        self._explain = _Explain(staging, splits, settings.num_hashes)

    def of(self, staged: Staged) -> list[beam.PCollection]:
        """Several collections; none where nothing is to be found."""
        found = []
        if self._settings.exact:
            copies = staged.copies | "ByText" >> beam.GroupByKey()
            found.append(copies | "Copies" >> beam.FlatMap(_FindCopies(self._explain)))
        if self._settings.near:
            edges = (
                staged.bands
                | "ByBand" >> beam.GroupByKey()
                | "Compare" >> beam.FlatMap(_Compare(self._settings, self._staging.directory))
                | "InOnePlace" >> beam.combiners.ToList()
            )
            found.append(edges | "Join" >> beam.FlatMap(_Join(self._explain)))
        return found


class _Explain:
    """Nodes to decisions in words, waiting to be written."""

    def __init__(self, staging: Staging, splits: tuple[str, ...], num_hashes: int) -> None:
        self._staging = staging
        self._splits = splits
        self._num_hashes = num_hashes

    def waiting(self) -> WaitingDecisions:
        return WaitingDecisions(self._staging.directory, self._staging.num_parts)

    def copy(self, waiting: WaitingDecisions, node: Node, kept: Node) -> None:
        self._decide(waiting, node, Decision(EXACT, f"the same text as {self._id(kept)}"))

    def near(self, waiting: WaitingDecisions, dropped: Dropped) -> None:
        similarity = float(signatures.similarity(dropped.unequal, self._num_hashes))
        detail = f"estimated similarity {similarity:.2f} to {self._id(dropped.similar)}"
        is_kept = dropped.similar == dropped.kept
        ends = ", which is kept" if is_kept else f", of whose group {self._id(dropped.kept)} is kept"
        self._decide(waiting, dropped.node, Decision(NEAR, detail + ends))

    def _decide(self, waiting: WaitingDecisions, node: Node, decision: Decision) -> None:
        waiting.decide(self._splits[fingerprints.place_of(node).split], self._id(node), decision)

    def _id(self, node: Node) -> str:
        place = fingerprints.place_of(node)
        return documents.make_id(self._staging.names.name_of(place.file), place.line)


class _FindCopies:
    """Runs of `COPY` records to runs of decisions."""

    def __init__(self, explain: _Explain) -> None:
        self._explain = explain

    def __call__(self, number_to_runs: tuple[int, Iterable[Run]]) -> Iterator[tuple[Part, Run]]:
        waiting = self._explain.waiting()
        for node, kept in buckets.copies(sorted_records.in_order(number_to_runs[1], _COPY)):
            self._explain.copy(waiting, node, kept)
            if waiting.are_many:
                yield from waiting.write()
        yield from waiting.write()


class _Compare:
    """Runs of records of bands to runs of sorted `clusters.EDGE` records."""

    def __init__(self, settings: DuplicatesConfig, directory: str) -> None:
        self._settings = settings
        self._directory = directory

    def __call__(self, number_to_runs: tuple[int, Iterable[Run]]) -> Iterator[Run]:
        settings = self._settings
        compare = buckets.Comparison(settings.num_hashes, settings.near_threshold, not settings.exact)
        dtype = sorted_records.dtype_of(fingerprints.band_dtype(settings.num_hashes).itemsize)
        found: list[np.ndarray] = []
        count = 0
        for edges in compare.edges(sorted_records.in_order(number_to_runs[1], dtype)):
            found.append(edges)
            count += len(edges)
            if count >= _MANY_EDGES:
                yield from self._write(found)
                count = 0
        yield from self._write(found)

    def _write(self, found: list[np.ndarray]) -> Iterator[Run]:
        """A run of the edges, and ``found`` empty."""
        if found:
            blocks = sorted_records.to_blocks(np.unique(np.concatenate(found)))
            [(_, run)] = runs.write(self._directory, [(None, blocks)])
            yield run
        found.clear()


class _Join:
    """All runs of edges to runs of decisions."""

    def __init__(self, explain: _Explain) -> None:
        self._explain = explain

    def __call__(self, found: list[Run]) -> Iterator[tuple[Part, Run]]:
        waiting = self._explain.waiting()
        for dropped in clusters.dropped(lambda: sorted_records.in_order(found, clusters.RECORD)):
            self._explain.near(waiting, dropped)
            if waiting.are_many:
                yield from waiting.write()
        yield from waiting.write()
