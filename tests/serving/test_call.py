import time

import pytest

from serving.call import Call
from serving.errors import CancelledError, DeadlineExceededError


def test_a_call_without_a_deadline_is_wanted_until_it_is_cancelled():
    call = Call()
    call.check()
    assert call.remaining_s is None
    call.cancel()
    with pytest.raises(CancelledError):
        call.check()


def test_a_call_is_not_wanted_after_its_deadline():
    call = Call(timeout_s=0.02)
    call.check()
    assert 0.0 < call.remaining_s <= 0.02
    time.sleep(0.03)
    assert call.remaining_s == 0.0
    with pytest.raises(DeadlineExceededError, match=r"within 0.02 s$"):
        call.check()


def test_grpcs_infinite_deadline_is_none():
    assert Call(float("inf")).remaining_s is None


def test_callbacks_are_called_once_on_cancellation():
    called = []
    call = Call()
    call.when_cancelled(lambda: called.append("before"))
    call.cancel()
    call.cancel()
    call.when_cancelled(lambda: called.append("after"))
    assert called == ["before", "after"]


def test_a_cancellation_after_the_answer_means_nothing():
    called = []
    call = Call()
    call.when_cancelled(lambda: called.append("too late"))
    call.end()
    call.cancel()
    call.check()
    assert called == []
