"""``python -m serving``: the embedded server as a command.

Prints one line when it is ready, with the actual ports; a failure is one line and
status 1. SIGTERM and SIGINT end it once the requests under way have ended; a second
one ends it at once.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from types import FrameType

from serving.silence import libraries_silenced


def main(argv: list[str] | None = None) -> int:
    """Serves until a signal; returns the exit status."""
    arguments = _parser().parse_args(argv)
    with libraries_silenced():
        from serving.errors import ServingError
        from serving.server import Server, ServerConfig

    _stop_on_signals(stopping := threading.Event())
    try:
        with Server(ServerConfig(**vars(arguments))) as server:
            print(
                f"ready: gRPC {server.grpc_address}, REST {server.rest_url}, "
                f"model {arguments.model_name} version {server.versions[0]}",
                flush=True,
            )
            stopping.wait()
    except ServingError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m serving",
        description="Serves a SavedModel over gRPC and REST, as TensorFlow Serving does.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--model_name", required=True, help="the NAME in /v1/models/NAME")
    parser.add_argument(
        "--model_base_path", required=True, help="the folder whose integer-named subfolders are versions"
    )
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", type=int, default=8500, help="gRPC port; 0 picks a free one")
    parser.add_argument("--rest_api_port", type=int, default=8501, help="REST port; 0 picks a free one")
    parser.add_argument(
        "--file_system_poll_wait_seconds", type=float, default=1.0, help="time between looks for new versions"
    )
    parser.add_argument(
        "--num_versions", type=int, default=1, help="how many of the highest versions to serve"
    )
    parser.add_argument(
        "--max_num_load_retries",
        type=int,
        default=5,
        help="how often a version that failed to load is tried again",
    )
    parser.add_argument(
        "--load_retry_interval_s",
        type=float,
        default=60.0,
        help="time before a failed version is tried again",
    )
    parser.add_argument(
        "--num_threads", type=int, default=8, help="requests under way at once, for each protocol"
    )
    parser.add_argument(
        "--max_rest_body_bytes", type=int, default=100 * 2**20, help="larger REST bodies are refused with 413"
    )
    parser.add_argument(
        "--stop_grace_s", type=float, default=10.0, help="how long a stop waits for requests under way"
    )
    return parser


def _stop_on_signals(stopping: threading.Event) -> None:
    def stop(number: int, frame: FrameType | None) -> None:
        if stopping.is_set():
            os._exit(128 + number)
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


if __name__ == "__main__":
    sys.exit(main())
