"""Whether there is data that no finished run has seen: what a run on a schedule asks first.

By the state of the corpus' files, the same that CorpusGen's result is cached by: of the latest day or number
where the sources' patterns have a span, of all files where they do not.
"""

from __future__ import annotations

import dataclasses

from tfx.components.example_gen import utils

from components.corpus_gen.component import corpus_state
from pipeline import graph
from pipeline.config import PipelineConfig
from pipeline.metadata import connection
from pipeline.metadata.store import CACHED, FINISHED, Execution, Store

_LAST_STAGE = "Pusher"


@dataclasses.dataclass(frozen=True)
class Seen:
    """The finished run that had the data that is there now."""

    run_id: str
    span: int
    """0 where no pattern has one."""
    num_files: int

    def __str__(self) -> str:
        span = f"span {self.span}, " if self.span else ""
        return f"no new data since run {self.run_id} ({span}{self.num_files:,} files): nothing to do"


def seen(config: PipelineConfig) -> Seen | None:
    """The latest finished run, if it had the data that is there now; None when there is something to do.

    A run has finished when its last stage has, whether it pushed or not: a run that failed or was stopped is
    worth going on with.

    Raises:
      CorpusError: the corpus is not there, or its latest spans differ.
    """
    state = corpus_state(graph.selection(config, _here(config)))
    now = state.fingerprint
    if not connection.exists(config):
        return None
    store = Store(config)
    for run_id in store.run_ids():
        stages = {execution.stage: execution for execution in store.executions(run_id)}
        last, corpus = stages.get(_LAST_STAGE), stages.get("CorpusGen")
        if last is None or corpus is None or last.state not in FINISHED:
            continue
        if _fingerprint(store, corpus) != now:
            return None
        return Seen(run_id, state.resolved.span, int(now.partition(",")[0].partition(":")[2]))
    return None


def _here(config: PipelineConfig) -> graph.Places:
    """As a run on this machine has them; of the data, only the corpus' folder matters."""
    return graph.Places(
        root=config.root,
        corpus_path=config.corpus.path,
        model_base_path=config.model_base_path,
        beam_options=(),
    )


def _fingerprint(store: Store, corpus: Execution) -> str:
    """As the stage recorded it; one that found its result in the cache recorded nothing itself."""
    made = [artifact.id for artifacts in corpus.outputs.values() for artifact in artifacts]
    [origin, *_] = store.makers(made) or [corpus] if corpus.state == CACHED else [corpus]
    return str(origin.properties.get(utils.FINGERPRINT_PROPERTY_NAME, ""))
