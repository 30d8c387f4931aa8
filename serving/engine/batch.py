"""The running batch: the rows of one cache, each a continuation at its own position.

The cache has one of a few numbers of rows, and room for the longest row's next steps; it
grows when a row or a step does not fit, and shrinks when far fewer rows are in use. A
row's numbers depend neither on the other rows nor on the cache's size
(`models.decoding`), so nothing that happens here changes a text.
"""

from __future__ import annotations

import numpy as np

from serving.engine.continuation import Continuation
from serving.engine.model import Cache, StepwiseModel


class RunningBatch:
    """At most ``max_rows`` continuations of one model."""

    def __init__(self, model: StepwiseModel, max_rows: int) -> None:
        self._model = model
        self.max_rows = max_rows
        self._cache: Cache | None = None
        self._room = 0
        self._rows: list[Continuation | None] = []

    def __len__(self) -> int:
        return sum(row is not None for row in self._rows)

    @property
    def is_full(self) -> bool:
        return len(self) >= self.max_rows

    def continuations(self) -> list[Continuation]:
        return [row for row in self._rows if row is not None]

    def join(self, continuation: Continuation, row_cache: Cache, row_room: int, is_last: bool) -> None:
        """Takes in a continuation whose prompt, but the last token, is read into ``row_cache``; the cache
        with it, if it ``is_last`` to have that prompt."""
        assert not self.is_full
        if continuation.prepared.temperature > 0.0 and continuation.noise is None:
            continuation.noise = self._model.noise(continuation.prepared.seed, continuation.limit)
        if self._cache is None:
            self._room = max(row_room, self._model.room_for(continuation.position + 1))
            if is_last and self._room == row_room:
                self._cache, self._rows = row_cache, [continuation]
                return
            self._rows = [None]
            self._cache = self._model.empty_cache(1, self._room)
        elif None not in self._rows:
            self._resize(self._row_count(len(self._rows) + 1), self._room)
        self._make_room(continuation.position + 1)
        row = self._rows.index(None)
        self._cache = self._model.inserted(self._cache, row_cache, row)
        self._rows[row] = continuation

    def leave(self, continuation: Continuation) -> None:
        """Frees the continuation's row."""
        self._rows[self._rows.index(continuation)] = None
        if not len(self):
            self._cache, self._rows, self._room = None, [], 0
        elif (fewer := self._row_count(self._model.rows_to_keep(len(self)))) < len(self._rows):
            self._resize(fewer, self._room)

    def step(self, num_steps: int) -> None:
        """Up to ``num_steps`` tokens for every row; those that end leave."""
        rows = [(index, row) for index, row in enumerate(self._rows) if row is not None]
        num_steps = min(num_steps, max(row.remaining for _, row in rows))
        self._make_room(max(row.position + min(num_steps, row.remaining) for _, row in rows))
        size = len(self._rows)
        token_ids, positions, limits, top_k = (np.zeros(size, np.int32) for _ in range(4))
        temperature, top_p = np.zeros(size, np.float32), np.ones(size, np.float32)
        uniform = np.zeros((size, num_steps), np.float32)
        for index, row in rows:
            token_ids[index], positions[index], limits[index] = row.last_token, row.position, row.remaining
            temperature[index], top_k[index] = row.prepared.temperature, row.prepared.top_k
            top_p[index] = row.prepared.top_p
            if row.noise is not None:
                noise = row.noise[row.num_tokens : row.num_tokens + num_steps]
                uniform[index, : len(noise)] = noise
        with_likelihoods = any(row.num_alternatives is not None for _, row in rows)
        cache, self._cache = self._cache, None
        self._cache, steps = self._model.decode(
            *(cache, token_ids, positions, limits, uniform, temperature, top_k, top_p, with_likelihoods)
        )
        for index, row in rows:
            gained = steps.token_ids[index, : steps.num_tokens[index]]
            likelihoods = steps.likelihoods.of_row(index) if steps.likelihoods else None
            ended = bool(steps.stopped[index])
            if row.advance(gained, ended, self._model.token_bytes, likelihoods):
                self.leave(row)

    def _row_count(self, least: int) -> int:
        return next((count for count in self._model.row_counts if count >= least), len(self._rows))

    def _make_room(self, num_tokens: int) -> None:
        if num_tokens > self._room:
            longest = self._model.room_for(self._model.context_length)
            wanted = max(self._model.room_for(num_tokens), min(2 * self._room, longest))
            self._resize(len(self._rows), wanted)

    def _resize(self, num_rows: int, room: int) -> None:
        kept = [index for index, row in enumerate(self._rows) if row is not None]
        # What stands in a row that is not in use does not matter.
        sources = np.array([*kept, *[0] * (num_rows - len(kept))], np.int32)
        self._cache = self._model.resized(self._cache, sources, room)
        self._rows = [self._rows[index] for index in kept] + [None] * (num_rows - len(kept))
        self._room = room
