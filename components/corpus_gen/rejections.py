"""What is left out of the corpus, and why: the second half of whatever a step was given.

A step that can drop a document gives two collections, what it keeps and what it rejects (`Sifted`),
so nothing is lost on the way: what was read is what was kept plus what was rejected, and the stage
checks it (`counts`). Reasons are names that stay the same from version to version, ``kind`` or
``kind:rule``; those of kind ``malformed`` mean that a record could not be read at all, and too many
of them fail the run.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, NamedTuple

from components.documents import DOCUMENT_ID, TEXT, Document
from components.protos import Example
from models.features import SOURCE

if TYPE_CHECKING:  # Pure modules name their reasons here, and need no Beam for it.
    import apache_beam as beam

REASON = "reason"
DETAIL = "detail"
MALFORMED = "malformed"
"""The kind of the reasons that mean: not readable as what the configuration says that it is."""
MAX_TEXT_CHARACTERS = 1000

FEATURES = {
    REASON: "stable name, 'malformed:json' or 'quality:symbol_ratio'",
    SOURCE: "name of the configured source",
    DOCUMENT_ID: "where it came from, as a document's",
    DETAIL: "one line in words, with the numbers",
    TEXT: f"the start of the text, at most {MAX_TEXT_CHARACTERS:,} characters; empty if it could not be read",
}
"""Feature name -> meaning; all are bytes."""


@dataclasses.dataclass(frozen=True)
class Rejected:
    """One record that does not become part of the corpus."""

    reason: str
    source: str
    document_id: str
    detail: str
    text: str = ""

    @property
    def is_malformed(self) -> bool:
        """Whether it could not be read, rather than was read and not wanted."""
        return is_malformed(self.reason)


class Sifted(NamedTuple):
    """What a step gives: together, all that it was given."""

    kept: beam.PCollection
    """Of `Document`."""
    rejected: beam.PCollection
    """Of `Rejected`."""


def is_malformed(reason: str) -> bool:
    """Whether records with this reason could not be read."""
    return reason.partition(":")[0] == MALFORMED


def reject(document: Document, reason: str, detail: str) -> Rejected:
    """``document``, left out for ``reason``; keeps the start of its text."""
    return Rejected(
        reason, document.source, document.document_id, detail, document.text[:MAX_TEXT_CHARACTERS]
    )


def encode(rejected: Rejected) -> bytes:
    """A serialized ``tf.train.Example``; equal rejections give equal bytes."""
    example = Example()
    features = example.features.feature
    for name, value in _values(rejected).items():
        features[name].bytes_list.value.append(value.encode())
    return example.SerializeToString(deterministic=True)


def decode(serialized: bytes) -> Rejected:
    """The inverse of `encode`."""
    features = Example.FromString(serialized).features.feature
    return Rejected(**{name: features[name].bytes_list.value[0].decode() for name in FEATURES})


def _values(rejected: Rejected) -> dict[str, str]:
    return {
        REASON: rejected.reason,
        SOURCE: rejected.source,
        DOCUMENT_ID: rejected.document_id,
        DETAIL: " ".join(rejected.detail.split("\n")),
        TEXT: rejected.text[:MAX_TEXT_CHARACTERS],
    }
