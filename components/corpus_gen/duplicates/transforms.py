"""Beam wiring of duplicate removal.

    documents -> fingerprints -> groups of equal texts -> buckets by band -> edges -> forest
        │                                  └── dropped ──────────────────────────────┤
        └──────────────────────────────────── by id ────────────────────────────── dropped -> sifted

Only fingerprints are grouped: 16 bytes of hash, a rank and a signature. The text itself goes through one
shuffle, at the end, where each document meets the decision on it. No group is held in memory as a
whole, however large: of equal texts one passes twice over the ranks, and of a bucket see
`clusters.edges_of_bucket`. What is dropped depends on the documents alone, not on workers or order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import numpy as np

from components.corpus_gen import rejections
from components.corpus_gen.duplicates import banding, clusters, signatures
from components.corpus_gen.duplicates.clusters import Dropped, Edge, Member, Node
from components.corpus_gen.duplicates.settings import DuplicatesConfig
from components.corpus_gen.rejections import Sifted
from components.documents import Document

EXACT = "duplicate:exact"
NEAR = "duplicate:near"
_DROPPED = "dropped"
_REJECTED = "rejected"
_MANY_EDGES = 100_000

Fingerprint = tuple[bytes, tuple[Node, bytes]]
"""``(hash of the text, (node, signature))``; no signature where there is nothing to compare."""
Decision = tuple[str, str]
"""Reason and detail."""


class RemoveDuplicates(beam.PTransform):
    """`Document` to `Sifted`: of equal, and of nearly equal, texts one is kept; bounded, in no order.

    A prompt and its completion are one text. Of a copy, the detail names the document that it
    equals, which may itself be left out for one that it resembles.
    """

    def __init__(self, settings: DuplicatesConfig, sources: Sequence[str]) -> None:
        super().__init__()
        self._settings = settings
        self._sources = sources

    def expand(self, found: beam.PCollection) -> Sifted:
        dropped = []
        unique = found | "Fingerprint" >> beam.ParDo(
            _Fingerprint(self._settings, {name: index for index, name in enumerate(self._sources)})
        ).with_output_types(tuple[bytes, tuple[bytes, bytes]])
        if self._settings.exact:
            unique, copies = unique | FindCopies()
            dropped.append(copies)
        if self._settings.near:
            dropped.append(unique | FindNearDuplicates(self._settings))
        id_to_document = found | "ById" >> beam.Map(
            lambda document: (document.document_id, document)
        ).with_output_types(tuple[str, Document])
        sifted = (
            {"documents": id_to_document, "dropped": tuple(dropped) | "AllDropped" >> beam.Flatten()}
            | "Meet" >> beam.CoGroupByKey()
            | "Sift" >> beam.ParDo(_sift).with_outputs(_REJECTED, main="kept")
        )
        return Sifted(sifted["kept"], sifted[_REJECTED])


class FindCopies(beam.PTransform):
    """`Fingerprint` to those with a text of their own, and ``(document id, Decision)`` of the others."""

    def expand(self, fingerprints: beam.PCollection) -> tuple[beam.PCollection, beam.PCollection]:
        sifted = (
            fingerprints
            | "ByText" >> beam.GroupByKey()
            | "Copies" >> beam.ParDo(_find_copies).with_outputs(_DROPPED, main="unique")
        )
        return sifted["unique"], sifted[_DROPPED]


class FindNearDuplicates(beam.PTransform):
    """`Fingerprint` to ``(document id, Decision)`` of what resembles a document that is kept."""

    def __init__(self, settings: DuplicatesConfig) -> None:
        super().__init__()
        self._settings = settings

    def expand(self, fingerprints: beam.PCollection) -> beam.PCollection:
        threshold, cut = self._settings.near_threshold, banding.choose(self._settings)
        return (
            fingerprints
            | "ToBands" >> beam.FlatMap(_band, cut).with_output_types(tuple[bytes, tuple[bytes, bytes]])
            | "ByBand" >> beam.GroupByKey()
            | "Compare" >> beam.FlatMap(_compare, threshold).with_output_types(tuple[float, bytes, bytes])
            | "Join" >> beam.CombineGlobally(_JoinForests()).without_defaults()
            | "Decide" >> beam.FlatMap(_decide)
        )


class _Fingerprint(beam.DoFn):
    """`Document` to `Fingerprint`."""

    def __init__(self, settings: DuplicatesConfig, ranks: Mapping[str, int]) -> None:
        self._settings = settings
        self._ranks = ranks

    def process(self, document: Document) -> Iterator[Fingerprint]:
        text = document.text.encode()
        node = clusters.make_node(self._ranks[document.source], len(text), document.document_id)
        yield hashlib.sha256(text).digest()[:16], (node, self._signature(document.text))

    def _signature(self, text: str) -> bytes:
        if not self._settings.near:
            return b""
        shingles = signatures.shingles(text, self._settings)
        if len(shingles) < self._settings.near_min_shingles:
            return b""
        return signatures.sign(shingles, self._settings.num_hashes).tobytes()


class _JoinForests(beam.CombineFn):
    """Edges to their maximum spanning forest. An accumulator is some edges, and how many of them are the
    forest of earlier ones: made anew only when as many again have come, so that each edge costs the same."""

    def create_accumulator(self) -> tuple[int, list[Edge]]:
        return 0, []

    def add_input(self, accumulator: tuple[int, list[Edge]], edge: Edge) -> tuple[int, list[Edge]]:
        num_reduced, edges = accumulator
        edges.append(edge)
        if len(edges) < max(_MANY_EDGES, 2 * num_reduced):
            return accumulator
        return self.compact(accumulator)

    def merge_accumulators(self, accumulators: Iterable[tuple[int, list[Edge]]]) -> tuple[int, list[Edge]]:
        merged = self.create_accumulator()
        for _, edges in accumulators:
            for edge in edges:
                merged = self.add_input(merged, edge)
        return merged

    def compact(self, accumulator: tuple[int, list[Edge]]) -> tuple[int, list[Edge]]:
        edges = clusters.forest(accumulator[1])
        return len(edges), edges

    def extract_output(self, accumulator: tuple[int, list[Edge]]) -> list[Edge]:
        return clusters.forest(accumulator[1])


def _find_copies(group: tuple[bytes, Iterable[tuple[Node, bytes]]]) -> Iterator[Any]:
    text_hash, members = group
    kept = min(node for node, _ in members)
    detail = f"the same text as {clusters.document_id_of(kept)}"
    for node, signature in members:
        if node == kept:
            yield text_hash, (node, signature)
        else:
            yield beam.pvalue.TaggedOutput(_DROPPED, (clusters.document_id_of(node), (EXACT, detail)))


def _band(fingerprint: Fingerprint, cut: banding.Banding) -> Iterator[tuple[bytes, Member]]:
    _, (node, signature) = fingerprint
    if signature:
        hashes = np.frombuffer(signature, np.uint32)
        member = (node, signatures.sketch(hashes))
        for key in banding.keys(hashes, cut):
            yield key, member


def _compare(bucket: tuple[bytes, Iterable[Member]], threshold: float) -> Iterator[Edge]:
    _, members = bucket
    return clusters.edges_of_bucket(members, threshold)


def _decide(edges: list[Edge]) -> Iterator[tuple[str, Decision]]:
    for dropped in clusters.dropped(edges):
        yield dropped.document_id, (NEAR, _explain(dropped))


def _explain(dropped: Dropped) -> str:
    resembles = f"estimated similarity {dropped.similarity:.2f} to {dropped.similar_id}"
    if dropped.similar_id == dropped.kept_id:
        return f"{resembles}, which is kept"
    return f"{resembles}, of whose group {dropped.kept_id} is kept"


def _sift(met: tuple[str, Mapping[str, Iterable[Any]]]) -> Iterator[Any]:
    _, found = met
    [document] = found["documents"]
    for reason, detail in found["dropped"]:
        yield beam.pvalue.TaggedOutput(_REJECTED, rejections.reject(document, reason, detail))
        return
    yield document
