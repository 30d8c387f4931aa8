"""python -m serving: the embedded server as a command, with tensorflow_model_server's flags.

Prints one line when it is ready, with the actual ports; a failure is one line and
status 1. SIGTERM and SIGINT end it once the requests under way have ended; a second
one ends it at once.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from types import FrameType

from serving.errors import ServingError
from serving.settings.flags import parse_flags
from serving.silence import libraries_silenced

_MAX_OP_THREADS = 4


def main(argv: list[str] | None = None) -> int:
    """Serves until a signal; returns the exit status."""
    _stop_on_signals(stopping := threading.Event())
    try:
        config = parse_flags(argv)
        with libraries_silenced():
            from serving.language_extension import LanguageExtension
            from serving.server import Server

        _use_threads(config.tensorflow_session_parallelism)
        # What was imported is there to stay: collecting the garbage of an unloaded model need not look at it.
        gc.collect()
        gc.freeze()
        with Server(config, [LanguageExtension]) as server:
            print(
                f"ready: gRPC {server.grpc_address}, REST {server.rest_url}, {_models(server.served())}",
                flush=True,
            )
            stopping.wait()
    except ServingError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _use_threads(count: int) -> None:
    """Threads of one op, and between ops. Unless told, half the cores for one: a generated token is many
    small ops, whose threads wait for each other longer than they work. On two cores, one thread was up
    to twice as fast as two."""
    import tensorflow as tf

    if count:
        tf.config.threading.set_inter_op_parallelism_threads(count)
    own = min(_MAX_OP_THREADS, max(1, len(os.sched_getaffinity(0)) // 2))
    tf.config.threading.set_intra_op_parallelism_threads(count or own)


def _models(served: dict[str, list[int]]) -> str:
    return ", ".join(
        f"model {name} version {' and '.join(map(str, versions))}" for name, versions in served.items()
    )


def _stop_on_signals(stopping: threading.Event) -> None:
    def stop(number: int, frame: FrameType | None) -> None:
        if stopping.is_set():
            os._exit(128 + number)
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Not sys.exit: that waits for the threads of requests that outlasted the grace.
    os._exit(status)
