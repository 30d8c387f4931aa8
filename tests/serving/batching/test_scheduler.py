import threading
import time
from concurrent import futures

import pytest
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2

from serving.batching.execution import Slots
from serving.batching.parameters import BatchingParameters
from serving.batching.scheduler import BatchScheduler
from serving.call import Call
from serving.errors import (
    CancelledError,
    DeadlineExceededError,
    InvalidArgumentError,
    ResourceExhaustedError,
    UnavailableError,
)
from serving.servables.servable import Servable


class Doubling(Servable):
    """Doubles ``x`` and writes down each batch; waits for ``gate``; refuses a negative number."""

    def __init__(self):
        self.batches = []
        self.gate = threading.Event()
        self.gate.set()
        self.running = threading.Event()
        signature = meta_graph_pb2.SignatureDef()
        signature.inputs["x"].dtype = signature.outputs["y"].dtype = 1
        super().__init__("nowhere", {"double": signature}, {"double": self.double})

    def double(self, x):
        self.running.set()
        self.gate.wait(10)
        self.batches.append(x.numpy().tolist())
        if tf.reduce_min(x) < 0:
            raise tf.errors.InvalidArgumentError(None, None, "negative")
        return {"y": 2 * x}


@pytest.fixture
def servable():
    return Doubling()


@pytest.fixture
def scheduler():
    scheduler = BatchScheduler(num_threads=1)
    yield scheduler
    scheduler.close()


def submit(pool, scheduler, servable, values, parameters=BatchingParameters(), call=None):  # noqa: B008
    feeds = {"x": tf.constant(values, tf.float32)}
    return pool.submit(scheduler.run, parameters, servable, "double", feeds, call or Call())


def result(future):
    return future.result(10)["y"].numpy().tolist()


def wait_until(condition):
    deadline_s = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.005)


@pytest.fixture
def held(scheduler, servable):
    """The only thread is busy with [0.0] until the gate opens; a pool for further requests."""
    with futures.ThreadPoolExecutor(16) as pool:
        servable.gate.clear()
        first = submit(pool, scheduler, servable, [0.0])
        assert servable.running.wait(10)
        yield pool
        servable.gate.set()
        assert result(first) == [0.0]


def num_waiting(scheduler):
    return sum(len(batch.tasks) for batch in scheduler._batches)


def test_requests_that_arrive_together_run_as_one_batch_and_get_their_own_rows(scheduler, servable, held):
    asked = [submit(held, scheduler, servable, [float(n)] * n) for n in (1, 2, 3)]
    wait_until(lambda: num_waiting(scheduler) == 3)
    servable.gate.set()
    assert [result(future) for future in asked] == [[2.0], [4.0, 4.0], [6.0, 6.0, 6.0]]
    assert [len(batch) for batch in servable.batches] == [1, 6]


def test_a_batch_has_at_most_max_batch_size_rows(scheduler, servable, held):
    parameters = BatchingParameters(max_batch_size=4)
    asked = [submit(held, scheduler, servable, [1.0] * 3, parameters) for _ in range(3)]
    wait_until(lambda: num_waiting(scheduler) == 3)
    servable.gate.set()
    assert [result(future) for future in asked] == [[2.0] * 3] * 3
    assert [len(batch) for batch in servable.batches] == [1, 3, 3, 3]


def test_a_batch_is_padded_to_an_allowed_size(scheduler, servable):
    parameters = BatchingParameters(max_batch_size=4, allowed_batch_sizes=(4,))
    with futures.ThreadPoolExecutor(1) as pool:
        assert result(submit(pool, scheduler, servable, [1.0, 2.0], parameters)) == [2.0, 4.0]
    assert servable.batches == [[1.0, 2.0, 1.0, 1.0]]


def test_a_full_queue_refuses_at_once(scheduler, servable, held):
    parameters = BatchingParameters(max_batch_size=1, max_enqueued_batches=2)
    asked = [submit(held, scheduler, servable, [1.0], parameters) for _ in range(2)]
    wait_until(lambda: num_waiting(scheduler) == 2)
    begun_s = time.monotonic()
    with pytest.raises(
        ResourceExhaustedError, match=r"full; currently 2 batches .* max_enqueued_batches is 2"
    ):
        submit(held, scheduler, servable, [1.0], parameters).result(10)
    assert time.monotonic() - begun_s < 1.0
    servable.gate.set()
    assert [result(future) for future in asked] == [[2.0], [2.0]]


def test_a_request_larger_than_a_batch_is_refused_or_split(scheduler, servable):
    with futures.ThreadPoolExecutor(1) as pool:
        with pytest.raises(
            InvalidArgumentError, match="Task size 3 is larger than maximum input batch size 2"
        ):
            submit(pool, scheduler, servable, [1.0] * 3, BatchingParameters(max_batch_size=2)).result(10)
        splitting = BatchingParameters(
            max_batch_size=5, max_execution_batch_size=2, enable_large_batch_splitting=True
        )
        values = [1.0, 2.0, 3.0, 4.0, 5.0]
        assert result(submit(pool, scheduler, servable, values, splitting)) == [2 * x for x in values]
    assert sorted(map(len, servable.batches)) == [1, 2, 2]


def test_one_bad_row_fails_its_own_request_only(scheduler, servable, held):
    good = submit(held, scheduler, servable, [1.0])
    bad = submit(held, scheduler, servable, [-1.0])
    wait_until(lambda: num_waiting(scheduler) == 2)
    servable.gate.set()
    assert result(good) == [2.0]
    with pytest.raises(InvalidArgumentError, match="negative"):
        result(bad)


def test_a_request_leaves_the_queue_when_its_client_goes_or_its_time_is_over(scheduler, servable, held):
    call = Call()
    gone = submit(held, scheduler, servable, [1.0], call=call)
    late = submit(held, scheduler, servable, [2.0], call=Call(timeout_s=0.1))
    stays = submit(held, scheduler, servable, [3.0])
    wait_until(lambda: num_waiting(scheduler) >= 2)
    call.cancel()
    with pytest.raises(CancelledError):
        gone.result(10)
    with pytest.raises(DeadlineExceededError):
        late.result(10)
    assert num_waiting(scheduler) == 1
    servable.gate.set()
    assert result(stays) == [6.0]
    assert servable.batches[1:] == [[3.0]]


def test_a_batch_that_is_not_full_waits_for_others_up_to_the_timeout(scheduler, servable):
    parameters = BatchingParameters(max_batch_size=2, batch_timeout_micros=10_000_000)
    with futures.ThreadPoolExecutor(2) as pool:
        first = submit(pool, scheduler, servable, [1.0], parameters)
        wait_until(lambda: num_waiting(scheduler) == 1)
        second = submit(pool, scheduler, servable, [2.0], parameters)
        assert result(first) + result(second) == [2.0, 4.0]
        brief = BatchingParameters(max_batch_size=2, batch_timeout_micros=20_000)
        assert result(submit(pool, scheduler, servable, [3.0], brief)) == [6.0]
    assert servable.batches == [[1.0, 2.0], [3.0]]


def test_a_closed_scheduler_refuses_what_waits_and_what_comes(servable):
    scheduler = BatchScheduler(num_threads=1)
    parameters = BatchingParameters(batch_timeout_micros=60_000_000)
    with futures.ThreadPoolExecutor(1) as pool:
        waiting = submit(pool, scheduler, servable, [1.0], parameters)
        wait_until(lambda: num_waiting(scheduler) == 1)
        scheduler.close()
        with pytest.raises(UnavailableError, match="stopping"):
            waiting.result(10)
        with pytest.raises(UnavailableError, match="stopping"):
            submit(pool, scheduler, servable, [1.0]).result(10)


def test_slots_bound_what_runs_at_once_and_waiting_ends_with_the_call(servable):
    slots = Slots(1)
    feeds = {"x": tf.constant([1.0])}
    with futures.ThreadPoolExecutor(4) as pool:
        servable.gate.clear()
        first = pool.submit(slots.run, servable, "double", feeds, Call())
        assert servable.running.wait(10)
        call = Call()
        gone = pool.submit(slots.run, servable, "double", feeds, call)
        late = pool.submit(slots.run, servable, "double", feeds, Call(timeout_s=0.05))
        stays = pool.submit(slots.run, servable, "double", feeds, Call())
        with pytest.raises(DeadlineExceededError):
            late.result(10)
        call.cancel()
        with pytest.raises(CancelledError):
            gone.result(10)
        assert len(servable.batches) == 0
        servable.gate.set()
        assert result(first) == result(stays) == [2.0]
    assert len(servable.batches) == 2


def test_closing_is_bounded_even_if_a_batch_never_ends(servable):
    scheduler = BatchScheduler(num_threads=1)
    servable.gate.clear()
    with futures.ThreadPoolExecutor(1) as pool:
        asked = submit(pool, scheduler, servable, [1.0])
        assert servable.running.wait(10)
        begun_s = time.monotonic()
        scheduler.close(timeout_s=0.1)
        assert time.monotonic() - begun_s < 5.0
        servable.gate.set()
        assert result(asked) == [2.0]
