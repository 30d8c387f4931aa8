import threading

import pytest

from serving.call import Call
from serving.engine.continuation import Continuation
from serving.engine.engine import EngineConfig
from serving.engine.model import COMPILED_ROWS, StepwiseModel
from serving.engine.pool import EnginePool
from serving.engine.service import prepared
from serving.errors import ResourceExhaustedError

PROMPT = "The quick brown fox"


@pytest.fixture(scope="module", params=[True, False], ids=["compiled", "plain"])
def model(stepwise_model, request):
    return StepwiseModel(stepwise_model, may_compile=request.param)


class Listener:
    def __init__(self):
        self.text, self.error, self.ended = "", None, threading.Event()

    def __call__(self, delta):
        self.text += delta.text
        self.error = delta.error
        if delta.is_last:
            self.ended.set()


def start(pool, num, call, max_new_tokens=20):
    """One prompt's continuations."""
    [row] = prepared(pool.model, [PROMPT], temperature=0.0, max_new_tokens=max_new_tokens)
    listeners = [Listener() for _ in range(num)]
    pool.submit([[Continuation(row, pool.model.context_length, listener, call) for listener in listeners]])
    return listeners


def test_more_choices_of_a_prompt_than_an_engine_has_rows_are_all_answered_alike(model):
    pool = EnginePool(model)
    try:
        listeners = start(pool, COMPILED_ROWS + 9, Call())
        assert all(listener.ended.wait(60) for listener in listeners)
        [text] = {listener.text for listener in listeners}
        assert text
    finally:
        pool.close()


def test_all_engines_together_are_bounded(model):
    pool = EnginePool(model, EngineConfig(max_batch=COMPILED_ROWS + 1, max_queue=4))
    call = Call()
    try:
        with pytest.raises(ResourceExhaustedError, match="send the request again later"):
            start(pool, 4 * COMPILED_ROWS, call, max_new_tokens=70)
    finally:
        call.cancel()
        pool.close()


def test_closing_ends_every_thread(model):
    before = threading.active_count()
    EnginePool(model).close()
    assert threading.active_count() == before
