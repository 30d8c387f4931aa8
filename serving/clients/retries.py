"""When a request that failed is sent again, and after how long.

Every request of a client may be sent twice without harm: the answer depends on the request
alone. But only overload and a server that is not there pass by themselves, so by default only
RESOURCE_EXHAUSTED and UNAVAILABLE are tried again; an answer that came too late would come too
late again, and every other error stays. The wait is drawn evenly from 0 to a bound that doubles
("full jitter": clients that failed together come back apart; Brooker, "Exponential Backoff And
Jitter", AWS Architecture Blog, 2015). For example, by the defaults::

    try             1       2       3       4       5
    longest wait s    0.1     0.2     0.4     0.8

A server that says ``Retry-After`` is not asked before. Nothing is waited for that lies beyond the
call's own timeout, which bounds all tries and waits together.
"""

from __future__ import annotations

import dataclasses

from serving.errors import Code, ServingError


@dataclasses.dataclass(frozen=True)
class Retries:
    """A policy of retries; ``Retries(max_tries=1)`` is none."""

    max_tries: int = 5
    """The first one included."""
    first_wait_s: float = 0.1
    """Bound of the first wait."""
    factor: float = 2.0
    """By which each bound is larger than the one before."""
    longest_wait_s: float = 5.0
    """Where the bounds stop growing."""
    codes: frozenset[Code] = frozenset({Code.UNAVAILABLE, Code.RESOURCE_EXHAUSTED})
    """Failures after which a request is sent again."""

    def wait_s(self, num_tries: int, error: ServingError, chance: float) -> float | None:
        """How long to wait after ``num_tries`` failures, of which ``error`` is the last; None: it stays.

        ``chance`` is a draw from [0, 1).
        """
        if num_tries >= self.max_tries or error.code not in self.codes:
            return None
        bound = min(self.first_wait_s * self.factor ** (num_tries - 1), self.longest_wait_s)
        return max(chance * bound, error.retry_after_s or 0.0)
