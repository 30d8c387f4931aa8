"""Retries and waits as pure steps, on a clock that only the test moves."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.clients.requests import Status
from serving.clients.results import ServedVersion
from serving.clients.retries import Retries
from serving.clients.steps import Conduct, Send, Wait
from serving.errors import (
    Code,
    DeadlineExceededError,
    InvalidArgumentError,
    NotFoundError,
    ResourceExhaustedError,
    UnavailableError,
    error_for,
)


class World:
    """Answers by a script of errors and values, and moves the clock by what each step takes."""

    def __init__(self, *script, send_s=0.0, chance=0.5, retries=Retries()):  # noqa: B008
        self.script, self.send_s, self.now_s = list(script), send_s, 100.0
        self.sends, self.waits = [], []
        self.conduct = Conduct(retries, now=lambda: self.now_s, chance=lambda: chance)

    def run(self, steps):
        try:
            step = next(steps)
            while True:
                try:
                    answer = self.done(step)
                except Exception as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(answer)
        except StopIteration as end:
            return end.value

    def done(self, step):
        if isinstance(step, Wait):
            self.waits.append(step.seconds)
            self.now_s += step.seconds
            return None
        assert isinstance(step, Send)
        self.sends.append(step.timeout_s)
        self.now_s += min(self.send_s, step.timeout_s)
        answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


FINAL = [code for code in Code if code not in (Code.UNAVAILABLE, Code.RESOURCE_EXHAUSTED)]
BUSY = ResourceExhaustedError("busy")
GONE = UnavailableError("gone")


def test_the_bounds_of_the_waits_are_the_docstrings():
    bounds = [Retries().wait_s(num_tries, GONE, chance=1.0) for num_tries in (1, 2, 3, 4, 5)]
    assert bounds == [0.1, 0.2, 0.4, 0.8, None]
    assert Retries(max_tries=99).wait_s(50, GONE, chance=1.0) == 5.0


def test_a_wait_is_the_draws_share_of_its_bound():
    assert Retries().wait_s(3, GONE, chance=0.25) == pytest.approx(0.1)
    assert Retries().wait_s(3, GONE, chance=0.0) == 0.0


@pytest.mark.parametrize("failures", [[GONE, GONE], [BUSY, GONE], [BUSY]])
def test_a_failure_that_passes_is_waited_for(failures):
    world = World(*failures, "answer")
    assert world.run(world.conduct.sent(Status(), 10.0)) == "answer"
    assert len(world.sends) == len(failures) + 1
    assert world.waits == [0.05, 0.1][: len(failures)]


@pytest.mark.parametrize(
    "code", [code for code in Code if code not in (Code.UNAVAILABLE, Code.RESOURCE_EXHAUSTED)]
)
def test_any_other_failure_is_final(code):
    world = World(error_for(code, "no"))
    with pytest.raises(type(error_for(code, ""))):
        world.run(world.conduct.sent(Status(), 10.0))
    assert len(world.sends) == 1
    assert world.waits == []


def test_the_last_try_tells_its_error():
    world = World(GONE, GONE, BUSY, retries=Retries(max_tries=3))
    with pytest.raises(ResourceExhaustedError):
        world.run(world.conduct.sent(Status(), 10.0))
    assert len(world.sends) == 3


def test_other_codes_are_retried_when_told():
    late = DeadlineExceededError("late")
    world = World(late, "answer", retries=Retries(codes=frozenset({Code.DEADLINE_EXCEEDED})))
    assert world.run(world.conduct.sent(Status(), 10.0)) == "answer"


@given(
    timeout_s=st.floats(0.01, 20.0),
    send_s=st.floats(0.0, 5.0),
    chance=st.floats(0.0, 0.999),
    max_tries=st.integers(1, 30),
)
def test_all_tries_and_waits_together_take_no_longer_than_the_timeout(timeout_s, send_s, chance, max_tries):
    world = World(GONE, send_s=send_s, chance=chance, retries=Retries(max_tries=max_tries))
    with pytest.raises(UnavailableError):
        world.run(world.conduct.sent(Status(), timeout_s))
    assert world.now_s - 100.0 <= timeout_s + 1e-9
    assert sum(world.waits) <= timeout_s
    assert 1 <= len(world.sends) <= max_tries


def test_each_try_has_what_is_left_of_the_time():
    world = World(GONE, GONE, "answer", send_s=1.0)
    world.run(world.conduct.sent(Status(), 10.0))
    assert world.sends == pytest.approx([10.0, 10.0 - 1.05, 10.0 - 2.15])


def test_the_server_says_when_to_come_back():
    busy = ResourceExhaustedError("busy")
    busy.retry_after_s = 3.0
    world = World(busy, "answer")
    assert world.run(world.conduct.sent(Status(), 10.0)) == "answer"
    assert world.waits == [3.0]


def test_a_wait_beyond_the_timeout_is_not_begun():
    busy = ResourceExhaustedError("busy")
    busy.retry_after_s = 30.0
    world = World(busy, "answer")
    with pytest.raises(ResourceExhaustedError):
        world.run(world.conduct.sent(Status(), 10.0))
    assert world.waits == []


def test_the_draws_differ():
    conduct = Conduct(Retries(), chance=random.Random(1).random)
    draws = {Retries().wait_s(1, GONE, conduct.chance()) for _ in range(20)}
    assert len(draws) == 20
    assert all(0.0 <= draw < 0.1 for draw in draws)


READY = [ServedVersion(1, "AVAILABLE", "")]
LOADING = [ServedVersion(1, "LOADING", "")]


@pytest.mark.parametrize(
    "before", [GONE, LOADING, NotFoundError("not yet"), DeadlineExceededError("late"), []]
)
def test_readiness_is_waited_for(before):
    world = World(before, before, READY)
    world.run(world.conduct.ready(5.0))
    assert len(world.sends) == 3


def test_a_model_that_does_not_come_is_told_with_its_state():
    world = World([ServedVersion(2, "END", "no such op")])
    with pytest.raises(UnavailableError, match="not ready after 5 s: version 2 is END no such op"):
        world.run(world.conduct.ready(5.0))
    assert 4.5 < world.now_s - 100.0 <= 5.0


def test_a_failure_that_does_not_pass_is_not_waited_for():
    world = World(InvalidArgumentError("no"))
    with pytest.raises(InvalidArgumentError):
        world.run(world.conduct.ready(5.0))
    assert len(world.sends) == 1


def test_each_setting_is_sent_once_a_prompt():
    """TensorFlow Serving joins requests to a batch only where all inputs have as many rows."""
    sampling = dict.fromkeys(("max_new_tokens", "temperature", "top_k", "top_p"), None)
    sent = next(World(None).conduct.generated(["a", "b", "c"], {**sampling, "seed": [4, 5, 6]}, (), 1.0))
    columns = sent.request.columns
    assert {len(values) for values in columns.values()} == {3}
    assert columns["seed"] == [4, 5, 6]
    assert len(set(columns["temperature"])) == 1
