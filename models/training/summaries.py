"""What goes into an event besides scalars: tables, hyperparameters, chart layout, histograms."""

from __future__ import annotations

from typing import Any

import numpy as np
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.custom_scalar import summary as custom_scalar
from tensorboard.plugins.histogram import metadata as histogram_metadata
from tensorboard.plugins.text.summary_v2 import text_pb
from tensorboard.util import tensor_util

from models.training import tags
from models.training.run_card import RunCard

_BUCKETS = 30


def hyperparameters(card: RunCard) -> dict[str, Any]:
    """``table.field`` -> a value of a type that the HParams dashboard takes."""
    values = {
        f"{table}.{field}": value if isinstance(value, (bool, int, float, str)) else _words(value)
        for table, fields in card.configuration.items()
        for field, value in fields.items()
    }
    return {**values, "parameters": card.num_parameters}


def _words(value: Any) -> str:
    if value is None:
        return "(none)"
    if isinstance(value, (list, tuple)):
        return ", ".join(_words(item) for item in value)
    return str(value)


def table(tag: str, tables: Any, description: str) -> Summary:
    """Markdown: the heading of each table, and its fields in rows."""
    lines: list[str] = []
    for name, fields in tables:
        lines += ["", f"**{name}**", ""] if name else []
        lines += ["| field | value |", "|---|---|"]
        lines += [f"| {field} | {_cell(value)} |" for field, value in fields.items()]
    return text_pb(tag, "\n".join(lines).strip(), description)


def _cell(value: Any) -> str:
    """As code, in which Markdown has no meaning but for the two marks that end it and the cell."""
    text = " ".join(_words(value).split()).replace("`", "'").replace("|", "¦")
    return f"`{text}`" if text else "(empty)"


def preformatted(text: str) -> str:
    return "\n".join("    " + line for line in text.split("\n"))


def layout() -> Summary:
    charts = [
        layout_pb2.Chart(title=title, multiline=layout_pb2.MultilineChartContent(tag=list(curves)))
        for title, curves in tags.CHARTS.items()
    ]
    category = layout_pb2.Category(title="training and validation", chart=charts)
    return converted(custom_scalar.pb(layout_pb2.Layout(category=[category])))


def converted(summary: Any) -> Summary:
    """From TensorFlow's copy of the protocol message to TensorBoard's."""
    return Summary.FromString(summary.SerializeToString())


def histogram(tag: str, array: np.ndarray) -> Summary:
    """`_BUCKETS` equal buckets from the least value to the greatest, of those that are finite."""
    values = np.asarray(array, np.float64).ravel()
    values = values[np.isfinite(values)]
    if not values.size:
        values = np.zeros(1)
    counts, edges = np.histogram(values, _BUCKETS)
    buckets = np.stack([edges[:-1], edges[1:], counts], axis=1)
    summary = Summary()
    summary.value.add(
        tag=tag,
        metadata=histogram_metadata.create_summary_metadata(display_name=None, description=""),
        tensor=tensor_util.make_tensor_proto(buckets, dtype=np.float64),
    )
    return summary
